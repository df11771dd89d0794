/*
 * watch - a descriptor in the loop. A thin skin over uv_poll_t whose memory outlives the handle's
 * asynchronous close, so that owners simply free it. Loop thread only.
 */
#ifndef NONO_TUI_WATCH_H
#define NONO_TUI_WATCH_H

#include <uv.h>

#include "common/common.h"

struct watch;
/* fn gets UV_READABLE and/or UV_WRITABLE. The descriptor stays the caller's. NULL on failure. */
struct watch *watch_new(uv_loop_t *loop, int fd, void (*fn)(void *data, int events), void *data);
void watch_set(struct watch *w, bool want_write);
void watch_free(struct watch *w); /* before the descriptor is closed */

#endif
