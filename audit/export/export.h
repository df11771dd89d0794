/*
 * export - nono-export, which brings a log's events to where others look for them. A program of its
 * own: it is the only one of a session that connects to a sink, and what it waits for nobody else
 * waits for.
 *
 *   dump ID [--format F] [--to URL] [--kind K]... [--path P] [--denied]
 *   follow ID     what the record's sink.json says, as the log grows, until the session has ended
 *   pending       the same for all records that are not delivered yet
 *
 * The log itself is the spool: sink.json holds how far it was delivered, and moves on when the sink
 * has taken a batch. What was taken just before a crash is delivered twice, nothing is left out.
 *
 * Sinks: file:///PATH, - (standard output), http(s)://... (NDJSON, or OTLP where the path ends in
 * /v1/logs), syslog://HOST:PORT (TCP, RFC 6587 octet counting), syslog+tls://HOST:PORT (RFC 5425;
 * the server's certificate must hold for HOST), syslog+udp://HOST:PORT, syslog+unix:///PATH,
 * journald: and journald:///PATH.
 */
#ifndef NONO_AUDIT_EXPORT_H
#define NONO_AUDIT_EXPORT_H

#include "audit/audit.h"
#include "audit/store.h"

enum export_format {
	FORMAT_NDJSON = 0,
	FORMAT_OTLP,
	FORMAT_SYSLOG,
	FORMAT_CEF,
	FORMAT_JOURNALD,
	FORMATS
};
#define EXPORT_BATCH_EVENTS 512u
#define EXPORT_BATCH_BYTES  (512u << 10)

struct export_item {
	const char *session;
	uint64_t sequence;
	const char *json; /* the event */
	size_t n;
	const struct audit_record *rec;
};
const char *export_format_name(enum export_format f);
int export_format_parse(const char *s, enum export_format *out);
/* One event, without what separates it from the next one. */
void export_item(struct buf *b, enum export_format f, const struct export_item *it);
/* What stands around a batch of OTLP. */
void export_otlp_open(struct buf *b, const char *session);
void export_otlp_close(struct buf *b);

/* ---- sinks ----------------------------------------------------------------------------------- */

struct sink;
/* format: -1 = what is usual there. Opens and connects to nothing yet. */
struct sink *sink_open(const char *url, int format, struct err *err);
enum export_format sink_format(const struct sink *s);
/* What must be done with all rights: opens the file, loads what finds addresses. -1: not now. */
int sink_prepare(struct sink *s, struct err *err);
/* From here on the process can read the record's directory and reach the sink, and little else.
 * After sink_prepare(). */
int sink_confine(const struct sink *s, const char *session, struct err *err);
void sink_add(struct sink *s, const struct export_item *it);
bool sink_full(const struct sink *s);
/* Brings what was added there. -1: nothing of it may have arrived; it is kept for the next try. */
int sink_flush(struct sink *s, struct err *err);
void sink_free(struct sink *s);

/* ---- syslog over TLS (tls.c): a connection of curl's that carries what it is given -------------
 */

typedef void CURL;
void tls_trust(CURL *c); /* SSL_CERT_FILE and SSL_CERT_DIR, where they are set */
CURL *tls_connect(const char *host, const char *port, long timeout_s, struct err *err);
bool tls_closed(CURL *c);
void tls_end(CURL *c);
int tls_send(CURL *c, const char *p, size_t n, int timeout_ms);

#endif
