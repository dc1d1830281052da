"""One file per family of native types, each ending in `TABLE`: how facts are read, with sourced defaults."""
