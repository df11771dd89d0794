#include "audit/sign/sign.h"

#include <arpa/inet.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static int read_message(struct buf *b)
{
	uint32_t n;

	buf_clear(b);
	if (read_full(0, &n, sizeof(n)) != sizeof(n) || (n = ntohl(n)) > SIGN_INPUT_MAX)
		return -1;
	buf_reserve(b, n + 1);
	if (read_full(0, b->data, n) != (ssize_t)n)
		return -1;
	b->len = n;
	b->data[n] = '\0';
	return 0;
}

static int write_message(const struct buf *b)
{
	uint32_t n = htonl((uint32_t)b->len);

	return send(0, &n, sizeof(n), MSG_NOSIGNAL) == sizeof(n) &&
		       send(0, b->data, b->len, MSG_NOSIGNAL) == (ssize_t)b->len
		   ? 0
		   : -1;
}

static int say_error(const struct err *err)
{
	_cleanup_(buf_free) struct buf b = {0};

	buf_adds(&b, "{\"error\":");
	buf_add_json_str(&b, err->msg, strlen(err->msg));
	buf_addc(&b, '}');
	return write_message(&b);
}

static int serve(const char *uri)
{
	_cleanup_(buf_free) struct buf in = {0}, out = {0};
	struct key k;
	struct err err = {0};
	int r;

	prctl(PR_SET_DUMPABLE, 0);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	if (read_message(&in) < 0)
		return 1;
	r = uri ? key_from_uri(&k, uri, &err) : key_from_pem(&k, in.data, in.len, true, &err);
	explicit_bzero(in.data, in.len);
	if (r < 0)
		return say_error(&err), 1;
	buf_addf(&out, "{\"key_id\":\"%s\",\"public_key\":\"%s\",\"algorithm\":\"%s\"}", k.id,
		 k.public_b64, EVP_PKEY_is_a(k.pkey, "ED25519") ? "ed25519" : "ecdsa-p256");
	for (r = write_message(&out); r == 0 && read_message(&in) == 0;) {
		buf_clear(&out);
		r = dsse_sign(&k, in.data, in.len, &out, &err) < 0 ? say_error(&err)
								   : write_message(&out);
	}
	key_free(&k);
	return 0;
}

static int read_input(struct buf *b)
{
	ssize_t n;

	buf_reserve(b, SIGN_INPUT_MAX + 1);
	n = read_full(0, b->data, SIGN_INPUT_MAX);
	b->len = n > 0 ? (size_t)n : 0;
	b->data[b->len] = '\0';
	return n < 0 || n == SIGN_INPUT_MAX ? -1 : 0;
}

static int run_verify(const struct buf *in)
{
	cJSON *o = cJSON_ParseWithLength(in->data, in->len), *found = dsse_verify(o);
	_cleanup_free_ char *text = cJSON_PrintUnformatted(found);

	puts(text);
	cJSON_Delete(o);
	cJSON_Delete(found);
	return 0;
}

static int fail(const struct err *err)
{
	fprintf(stderr, "%s\n", err->msg);
	return 1;
}

int main(int argc, char **argv)
{
	_cleanup_(buf_free) struct buf in = {0}, answer = {0};
	const char *what = argc > 1 ? argv[1] : "";
	struct err err = {0};

	if (str_eq(what, "serve") && argc <= 3)
		return serve(argc == 3 ? argv[2] : NULL);
	if (read_input(&in) < 0) {
		fprintf(stderr, "there is too much on standard input\n");
		return 1;
	}
	if (str_eq(what, "verify") && argc == 2)
		return run_verify(&in);
	if (str_eq(what, "stamp") && (argc == 3 || argc == 4)) {
		if (stamp_get(argv[2], argc == 4 ? argv[3] : NULL, in.data, in.len, &answer, &err) <
		    0)
			return fail(&err);
		return write_full(1, answer.data, answer.len) < 0;
	}
	if (str_eq(what, "check") && argc == 4) {
		size_t n;
		_cleanup_free_ char *text = file_read(argv[3], SIGN_INPUT_MAX, &n, &err);
		if (!text || stamp_check(argv[2], in.data, in.len, text, n, &err) < 0)
			return fail(&err);
		return 0;
	}
	fprintf(stderr,
		"nono-sign is started by nono: nono run --audit-sign-key, nono audit verify\n");
	return 2;
}
