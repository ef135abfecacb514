"""Run directories: their files, how they are written, found, read back and verified, and the runner that fills one."""
