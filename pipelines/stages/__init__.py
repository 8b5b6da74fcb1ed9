"""One stage a file: typed input, typed result. Only stages touch the engine."""
