/*
 * tls_stream - TLS as a layer on a stream.
 */
#ifndef NONO_PROXY_TLS_STREAM_H
#define NONO_PROXY_TLS_STREAM_H

#include "network/proxy/stream.h"
#include "network/tls/tls.h"

/* Puts TLS on a plain stream, which takes ssl (tls_server(), tls_client()). What was put back with
 * stream_unread() is the peer's first. Until the handshake is over nothing else is called. */
void tls_stream_start(struct stream *s, SSL *ssl);
/* 1: over. 0: more must come: stream_watch(s, STREAM_READ), then again. -1: failed, *err says why
 * in words about the peer; *certificate: because of a certificate. */
int tls_stream_handshake(struct stream *s, struct err *err, bool *certificate);
/* Borrowed. */
SSL *tls_stream_ssl(const struct stream *s);

#endif
