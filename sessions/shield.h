/*
 * shield - the user's terminal where a program has no pane but some of descriptors 0-2 are that
 * terminal (`nono run x | tee log`). The program gets a terminal of its own to write to, whose
 * output a process of its own, which holds no power, filters into the user's; and the user's to
 * read from, opened for nothing else.
 */
#ifndef NONO_SESSIONS_SHIELD_H
#define NONO_SESSIONS_SHIELD_H

#include "common/common.h"

struct shield {
	int saved[3]; /* the caller's own, -1: not replaced */
	int relay;    /* ends when all is written, -1: there is none */
};

/* Replaces those of the caller's descriptors 0-2 that are terminals. Before there are threads, and
 * before children that shall write there. After -1 nothing is replaced. */
int shield_open(struct shield *s, struct err *err);
/* Gives them back, once what was written has arrived. */
void shield_close(struct shield *s);

#endif
