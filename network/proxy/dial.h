/*
 * dial - what the files of it share. dial.c: addresses, connecting, TLS; dial_proxy.c: the upstream
 * proxy.
 */
#ifndef NONO_PROXY_DIAL_H
#define NONO_PROXY_DIAL_H

#include "network/proxy/proxy.h"

/* d->done is called: nothing of d is touched after these. */
void dial_fail(struct dial *d, unsigned status, const char *category, const char *fmt, ...)
    _printf_(4, 5);
void dial_finish(struct dial *d);
/* d->stream leads to the host: TLS on top, if it is wanted. */
void dial_connected(struct dial *d);

/* CONNECT on d->stream, which leads to the upstream proxy. */
void dial_ask_proxy(struct dial *d);

#endif
