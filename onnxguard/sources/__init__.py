"""Where the bytes of models come from: files, folders and addresses."""
