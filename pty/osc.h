#ifndef NONO_PTY_OSC_H
#define NONO_PTY_OSC_H

#include "common/common.h"

/* Decodes base64 (either alphabet, padding optional) over itself and terminates it if there is
 * room. Length, or -1. */
ssize_t base64_decode_in_place(char *s, size_t n);

#endif
