#!/usr/bin/env python3
"""Attacks by sockets, with the network off."""
from attackenv import main

main("sockets", ["--block-net"])
