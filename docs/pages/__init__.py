"""The pages of docs/ that are made from the code, a module each; every one has `page()`, which gives its text."""
