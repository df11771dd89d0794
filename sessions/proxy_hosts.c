/* Which hosts a session speaks with: a bounded table, for those who look. */
#include "sessions/proxy_link.h"

static uint64_t hash_of(const struct net_event *ev)
{
	uint64_t h = 14695981039346656037ull ^ ev->port;

	for (const char *s = ev->host; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211ull;
	return h;
}

static struct proxy_host *find(struct proxy_hosts *h, const struct net_event *ev)
{
	uint64_t hash = hash_of(ev);
	struct proxy_host *oldest = NULL;

	for (size_t i = 0; i < h->n; i++) {
		struct proxy_host *x = &h->v[i];

		if (x->hash == hash && x->port == ev->port && strcmp(x->name, ev->host) == 0)
			return x;
		if (!oldest || x->last_ns < oldest->last_ns)
			oldest = x;
	}
	if (h->n < HOSTS_MAX)
		oldest = &h->v[h->n++];
	*oldest = (struct proxy_host){.hash = hash, .port = ev->port};
	str_copy(oldest->name, sizeof(oldest->name), ev->host);
	return oldest;
}

static bool refused(const struct net_event *ev)
{
	return ev->decision != NET_ALLOWED && ev->decision != NET_APPROVE_GRANTED &&
	       ev->decision != NET_APPROVE_REQUESTED;
}

void proxy_hosts_note(struct proxy_hosts *h, const struct net_event *ev, const char *program)
{
	struct proxy_host *x;

	if (!h->v)
		h->v = xcalloc(HOSTS_MAX, sizeof(*h->v));
	x = find(h, ev);
	x->last_ns = ev->time_ns;
	if (program[0])
		str_copy(x->program, sizeof(x->program), program);
	if (ev->ended) {
		x->bytes_in += ev->bytes_in;
		x->bytes_out += ev->bytes_out;
		if (ev->status)
			x->status = ev->status;
		x->errors += ev->reason[0] && !refused(ev);
		if (ev->reason[0])
			str_copy(x->rule, sizeof(x->rule), ev->reason);
		return;
	}
	if (refused(ev)) {
		x->denied++;
		str_copy(x->rule, sizeof(x->rule), ev->rule[0] ? ev->rule : ev->reason);
	} else if (ev->decision != NET_APPROVE_REQUESTED && ev->mode == NET_MODE_CONNECT) {
		x->connections++;
	} else if (ev->decision != NET_APPROVE_REQUESTED) {
		x->requests++;
	}
}

static int newest_first(const void *a, const void *b)
{
	const struct proxy_host *x = *(const struct proxy_host *const *)a;
	const struct proxy_host *y = *(const struct proxy_host *const *)b;

	return x->last_ns > y->last_ns ? -1 : x->last_ns < y->last_ns;
}

static cJSON *host_json(const struct proxy_host *h)
{
	cJSON *o = cJSON_CreateObject();
	char last[TIME_STR_MAX];

	time_rfc3339(last, h->last_ns);
	cJSON_AddStringToObject(o, "host", h->name);
	cJSON_AddNumberToObject(o, "port", h->port);
	cJSON_AddNumberToObject(o, "connections", (double)h->connections);
	cJSON_AddNumberToObject(o, "requests", (double)h->requests);
	cJSON_AddNumberToObject(o, "denied", (double)h->denied);
	cJSON_AddNumberToObject(o, "errors", (double)h->errors);
	cJSON_AddNumberToObject(o, "bytes_in", (double)h->bytes_in);
	cJSON_AddNumberToObject(o, "bytes_out", (double)h->bytes_out);
	if (h->status)
		cJSON_AddNumberToObject(o, "status", h->status);
	else
		cJSON_AddNullToObject(o, "status");
	cJSON_AddStringToObject(o, "last", last);
	cJSON_AddStringToObject(o, "rule", h->rule);
	cJSON_AddStringToObject(o, "program", h->program);
	return o;
}

cJSON *proxy_hosts_json(const struct proxy *p)
{
	const struct proxy_host *order[HOSTS_MAX];
	cJSON *list = cJSON_CreateArray();
	size_t n = p ? p->hosts.n : 0;

	for (size_t i = 0; i < n; i++)
		order[i] = &p->hosts.v[i];
	qsort(order, n, sizeof(order[0]), newest_first);
	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(list, host_json(order[i]));
	return list;
}
