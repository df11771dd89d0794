/* detach - processes that outlive who started them. */
#ifndef NONO_SESSIONS_DETACH_H
#define NONO_SESSIONS_DETACH_H

#include <stdbool.h>

/* Closes all descriptors but keep (-1: none stays); 0-2 are /dev/null. */
void detach_descriptors(int keep);
/* The same, with a session of its own, signals as they are by default and / as its directory. False
 * if that can't be entered. After fork(), of a process with one thread. */
bool detach_process(void);

#endif
