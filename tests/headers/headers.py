#!/usr/bin/env python3
"""headers.py COMPILER: every header of src/ has to compile by itself, without precompiled headers."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLAGS = ["-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-DBOOST_ASIO_NO_DEPRECATED", "-DBOOST_ASIO_SEPARATE_COMPILATION",
         "-DBOOST_BEAST_SEPARATE_COMPILATION"]


def compile_alone(header):
    of_core = header.is_relative_to(ROOT / "src/core")
    roots = [ROOT / "src/core"] if of_core else [ROOT / "src", ROOT / "src/core"]
    command = [sys.argv[1], *FLAGS, *(f"-I{one}" for one in roots), "-include", str(header), "-x", "c++", "/dev/null"]
    return subprocess.run(command, capture_output=True, text=True).stderr


headers = sorted((ROOT / "src").rglob("*.hpp"))
complaints = [text for text in map(compile_alone, headers) if text]
print("\n".join(complaints) or f"headers: {len(headers)} stand alone")
sys.exit(1 if complaints or not headers else 0)
