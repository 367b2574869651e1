"""Thousands of models: judged by processes or a cluster, survived and resumed."""
