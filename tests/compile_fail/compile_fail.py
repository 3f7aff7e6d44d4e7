#!/usr/bin/env python3
"""compile_fail.py SNIPPET COMPILER INCLUDE_DIRECTORIES: compiles the snippet and compares with what its first line expects."""
import os
import subprocess
import sys

snippet, compiler, directories = sys.argv[1:]
expected = open(snippet).readline().strip().removeprefix("// expect: ")
command = [compiler, "-std=c++23", "-fsyntax-only", *(f"-I{one}" for one in directories.split(";")), snippet]
result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
if expected == "compiles":
    held = result.returncode == 0
else:
    held = result.returncode != 0 and expected in result.stderr
if not held:
    print(f"{snippet}: expected '{expected}', the compiler ended with {result.returncode} and said:\n{result.stderr}")
sys.exit(0 if held else 1)
