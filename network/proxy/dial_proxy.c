/* Connections by way of the upstream proxy. */
#include "network/proxy/dial.h"

#include <arpa/inet.h>

#define PROXY_REPLY_MAX 16384

static void on_proxy(struct stream *s, _unused_ unsigned what)
{
	struct dial *d = s->data;
	char part[4096];
	size_t from = 0;

	while (d->out.len) {
		ssize_t n = stream_write(s, d->out.data, d->out.len);

		if (n < 0 && errno == EAGAIN) {
			stream_watch(s, STREAM_WRITE);
			return;
		}
		if (n < 0) {
			dial_fail(d, 502, "external_proxy_rejected", "upstream proxy: %s",
				  strerror(errno));
			return;
		}
		buf_consume(&d->out, (size_t)n);
	}
	for (;;) {
		ssize_t n = stream_read(s, part, sizeof(part));

		if (n < 0 && errno == EAGAIN) {
			stream_watch(s, STREAM_READ);
			return;
		}
		if (n <= 0) {
			dial_fail(d, 502, "external_proxy_rejected",
				  "the upstream proxy closed the connection");
			return;
		}
		buf_add(&d->in, part, (size_t)n);
		ssize_t head = http_head_end(d->in.data, d->in.len, &from);
		if (head < 0 || (!head && d->in.len > PROXY_REPLY_MAX)) {
			dial_fail(d, 502, "external_proxy_rejected",
				  "what the upstream proxy answers is not HTTP");
			return;
		}
		if (!head)
			continue;
		struct http_head h = {0};
		struct err err;
		int rc = http_parse_response(&h, d->in.data, (size_t)head, true, &err);
		unsigned status = h.status;
		http_head_free(&h);
		if (rc < 0 || status / 100 != 2) {
			dial_fail(d, 502, "external_proxy_rejected",
				  "the upstream proxy answers %u", rc < 0 ? 0 : status);
			return;
		}
		stream_unread(s, d->in.data + head, d->in.len - (size_t)head);
		dial_connected(d);
		return;
	}
}

void dial_ask_proxy(struct dial *d)
{
	const char *open = d->host.family == AF_INET6 && d->host.is_address ? "[" : "";
	const char *close = *open ? "]" : "";

	buf_addf(&d->out, "CONNECT %s%s%s:%u HTTP/1.1\r\nHost: %s%s%s:%u\r\n\r\n", open,
		 d->host.name, close, d->port, open, d->host.name, close, d->port);
	d->stream->ready = on_proxy;
	on_proxy(d->stream, STREAM_WRITE);
}

bool dial_goes_through_proxy(const struct proxy *p, const struct net_host *h)
{
	const struct policy_network *n = &p->config->network;

	if (!n->upstream_proxy)
		return false;
	for (size_t i = 0; n->upstream_bypass && n->upstream_bypass[i]; i++) {
		char pattern[NET_NAME_MAX];

		if (!net_pattern_parse(n->upstream_bypass[i], pattern, NULL) &&
		    net_pattern_matches(pattern, h->name))
			return false;
	}
	return true;
}
