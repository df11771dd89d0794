/* keys - names of keys on a command line: "Enter", "C-c", "M-Up", "F5", "x". */
#ifndef NONO_CLI_KEYS_H
#define NONO_CLI_KEYS_H

#include "pty/pty.h"

/* -1: not the name of a key. mods: enum pty_mod. */
int key_named(const char *name, uint32_t *key, unsigned *mods);

#endif
