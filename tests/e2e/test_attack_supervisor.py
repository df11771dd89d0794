#!/usr/bin/env python3
"""Attacks on the supervisor, other processes and the kernel."""
from attackenv import main

main("supervisor")
