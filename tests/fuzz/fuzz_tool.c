/* What a shim sends: a header, strings. The first 16 bytes are the header as it arrives. */
#include "sessions/tool_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_inside(const struct tool_call *c, const struct tool_header *h, const char *s)
{
	check(s >= c->bytes && s + strlen(s) < c->bytes + h->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tool_header h;
	struct tool_call c;
	char *bytes;

	if (size < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	h.magic = TOOL_MAGIC;
	/* As many bytes as there are: the broker reads no less before it looks at them. */
	h.bytes = (uint32_t)(size - sizeof(h));
	if (!tool_header_ok(&h))
		return 0;
	bytes = malloc(h.bytes); /* exact: nothing may be read behind it */
	if (!bytes)
		return 0;
	memcpy(bytes, data + sizeof(h), h.bytes);
	if (tool_call_parse(&h, bytes, &c) == 0) {
		check_inside(&c, &h, c.name);
		check_inside(&c, &h, c.cwd);
		for (uint32_t i = 0; i < h.argc; i++)
			check_inside(&c, &h, c.args[i]);
		for (uint32_t i = 0; i < h.envc; i++)
			check_inside(&c, &h, c.env[i]);
		check(!c.args[h.argc] && !c.env[h.envc]);
	}
	tool_call_free(&c);
	return 0;
}
