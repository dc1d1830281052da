"""Users' rules, evaluated in a fenced child: CEL in a library of native code, bounded in time, memory and output."""
