/*
 * The control protocol from both ends: the first byte chooses. Bytes of a client, with and without
 * token, into the server; bytes of a broker into the client's parsers; a record from disk.
 */
#include <fcntl.h>
#include <sys/socket.h>

#include "sessions/control.h"
#include "sessions/registry.h"
#include "sessions/sessions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static cJSON *on_call(void *data, const struct control_peer *peer, const char *op,
		      const cJSON *args, int *fd, struct err *err)
{
	cJSON *o;

	(void)data;
	(void)peer;
	if (str_eq(op, "screen")) {
		*fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		return cJSON_CreateObject();
	}
	if (str_eq(op, "fail")) {
		err_set(err, "failed");
		return NULL;
	}
	o = cJSON_CreateObject();
	cJSON_AddItemToObject(o, "args", cJSON_Duplicate(args, true));
	return o;
}

static cJSON *on_hello(void *data)
{
	(void)data;
	return cJSON_CreateObject();
}

static void feed_server(const uint8_t *data, size_t size, bool known)
{
	struct control_config cfg = {.token = "secret", .call = on_call, .hello = on_hello};
	struct control_server *s;
	struct control_client *c;
	uv_loop_t loop;
	int pair[2];
	size_t half = size / 2;

	uv_loop_init(&loop);
	cfg.loop = &loop;
	cfg.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (control_server_new(&cfg, &s, NULL) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	c = control_server_add(s, pair[0], known);
	/* In two pieces, so that frames are cut. */
	if (c && control_client_feed(c, data, half) == 0)
		control_client_feed(c, data + half, size - half);
	uv_run(&loop, UV_RUN_NOWAIT);
	control_server_close(s, 0);
	while (uv_run(&loop, UV_RUN_ONCE))
		;
	if (!control_server_closed(s) || uv_loop_close(&loop) < 0)
		abort();
	control_server_free(s);
	close(pair[1]);
}

static void parse_broker(const uint8_t *data, size_t size)
{
	struct session_request_info *info = xcalloc(1, sizeof(*info));
	struct session_record record;
	struct session_state state;
	cJSON *o = cJSON_ParseWithLength((const char *)data, size);

	session_request_parse(o, info);
	session_state_parse(o, &state);
	cJSON_Delete(o);
	free(info);
	if (registry_parse((const char *)data, size, &record) == 0)
		session_record_free(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 3 == 2)
		parse_broker(data + 1, size - 1);
	else
		feed_server(data + 1, size - 1, data[0] % 3 == 1);
	return 0;
}
