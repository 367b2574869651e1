"""Lists of what is allowed: their types, their files, the registry; deriving and exporting them."""
