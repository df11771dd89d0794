/*
 * The proxy's configuration: what is taken must be, written and read again, the same. The same
 * bytes as a message between broker and proxy: one that is valid has an end to each of its strings.
 */
#include "network/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void message(const uint8_t *data, size_t size)
{
	struct net_msg *m = calloc(1, sizeof(*m));

	if (!m)
		return;
	memcpy(m, data, size < sizeof(*m) ? size : sizeof(*m));
	if (net_msg_valid(m, sizeof(*m)) &&
	    (!net_mode_name(m->event.mode) || strlen(m->event.reason) >= sizeof(m->event.reason)))
		abort();
	free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_free) struct buf first = {0}, second = {0};
	struct net_config c = {0}, again = {0};
	struct err err;

	message(data, size);
	if (net_config_parse((const char *)data, size, &c, &err) < 0)
		return 0;
	net_config_to_json(&c, &first);
	if (net_config_parse(first.data, first.len, &again, &err) < 0)
		abort();
	net_config_to_json(&again, &second);
	if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
		abort();
	net_config_free(&c);
	net_config_free(&again);
	return 0;
}
