/* nono request: a program inside a session asks for access, and waits for the answer. */
#include <cjson/cJSON.h>
#include <getopt.h>
#include <poll.h>

#include "elevation/requests.h"

#define PATHS_MAX 8

struct wish {
	char path[POLICY_PATH_MAX];
	const char *access;
	int fd; /* -1 when answered */
	bool granted;
	char why[512];
	char line[2048]; /* of the answer */
	size_t len;
};

struct options {
	struct wish *wishes; /* PATHS_MAX */
	size_t n;
	const char *reason;
	long timeout_s; /* 0: as long as the session lets it stay open */
	bool json;
};

static const char usage[] =
    "Usage: nono request [--read PATH]... [--write PATH]... [--reason TEXT] [--timeout S] "
    "[--json]\n"
    "Asks, from inside a session, for access to paths, and waits for the answer.\n"
    "What is granted once holds for the next call within a minute.\n"
    "Exit code: 0 everything granted, 1 denied, 2 wrong usage.\n";

static int add_path(struct options *o, const char *access, const char *path, struct err *err)
{
	_cleanup_free_ char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
	struct wish *w;

	if (!*path)
		return err_usage(err, "--%s needs a path", access);
	if (o->n == PATHS_MAX)
		return err_usage(err, "at most %d paths at once", PATHS_MAX);
	if (path[0] != '/' && !cwd)
		return err_errno(err, errno, "can't tell the current directory");
	w = &o->wishes[o->n];
	w->access = access;
	w->fd = -1;
	if (path_join(w->path, sizeof(w->path), cwd ? cwd : "/", path) < 0)
		return err_usage(err, "the path is too long: %.64s...", path);
	o->n++;
	return 0;
}

/* 0: go on; 1: help was asked for. */
static int parse(int argc, char **argv, struct options *o, struct err *err)
{
	static const struct option options[] = {
	    {"read", required_argument, NULL, 'r'},
	    {"write", required_argument, NULL, 'w'},
	    {"reason", required_argument, NULL, 'm'},
	    {"timeout", required_argument, NULL, 't'},
	    {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},
	    {0},
	};
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":r:w:h", options, NULL)) != -1) {
		switch (c) {
		case 'r':
		case 'w':
			if (add_path(o, c == 'r' ? "read" : "write", optarg, err) < 0)
				return -1;
			break;
		case 'm':
			o->reason = optarg;
			break;
		case 't':
			if (str_to_long(optarg, 1, 86400, &o->timeout_s) < 0)
				return err_usage(err, "--timeout needs seconds, 1 to 86400");
			break;
		case 'j':
			o->json = true;
			break;
		case 'h':
			return 1;
		case ':':
			return err_usage(err, "%s needs a value", argv[optind - 1]);
		default:
			return err_usage(err, "unknown option '%s'", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return err_usage(err, "unexpected argument '%s': say --read or --write",
				 argv[optind]);
	if (!o->n)
		return err_usage(err, "for what? --read PATH or --write PATH is needed");
	return 0;
}

/* ---- asking ------------------------------------------------------------------------- */

static int connect_socket(struct err *err)
{
	const char *path = getenv("NONO_REQUEST_SOCKET");
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;

	if (!path && getenv("NONO_SESSION_ID"))
		return err_set(err, "this session takes no requests: it was started without "
				    "--capability-elevation");
	if (!path)
		return err_set(err, "not inside a session: nono request is for programs that nono "
				    "runs");
	if (!str_copy(sa.sun_path, sizeof(sa.sun_path), path))
		return err_set(err, "the path of the request socket is too long: %s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_errno(err, errno, "can't reach the session's request socket");
	return STEAL_FD(fd);
}

static int send_wish(const struct options *o, struct wish *w, struct err *err)
{
	_cleanup_(buf_free) struct buf b = {0};
	const char *reason = o->reason ? o->reason : "";

	w->fd = connect_socket(err);
	if (w->fd < 0)
		return -1;
	buf_addf(&b, "{\"access\":\"%s\",\"path\":", w->access);
	buf_add_json_str(&b, w->path, strlen(w->path));
	buf_adds(&b, ",\"reason\":");
	buf_add_json_str(&b, reason, strnlen(reason, 512));
	buf_adds(&b, "}\n");
	/* The session may have answered already, and closed: then the answer says why. */
	if (send(w->fd, b.data, b.len, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		return err_errno(err, errno, "can't ask");
	return 0;
}

static void settle(struct wish *w, bool granted, const char *why)
{
	w->granted = granted;
	text_printable(w->why, sizeof(w->why), why, strlen(why));
	close(w->fd);
	w->fd = -1;
}

static void take_answer(struct wish *w)
{
	cJSON *o = cJSON_ParseWithLength(w->line, w->len);
	const char *result = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "result"));
	const char *why = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "why"));

	if (!result)
		settle(w, false, "the session gave no answer");
	else
		settle(w, str_eq(result, "granted"), why ? why : "");
	cJSON_Delete(o);
}

static void read_answer(struct wish *w)
{
	ssize_t n = recv(w->fd, w->line + w->len, sizeof(w->line) - w->len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		w->len += (size_t)n;
	if (n <= 0 || memchr(w->line, '\n', w->len) || w->len == sizeof(w->line))
		take_answer(w);
}

static void wait_answers(struct options *o)
{
	uint64_t end = o->timeout_s ? clock_mono_ns() + (uint64_t)o->timeout_s * 1000000000u : 0;
	struct pollfd p[PATHS_MAX];

	for (;;) {
		uint64_t now = clock_mono_ns();
		size_t open = 0;
		int ms = end ? (int)(now < end ? (end - now) / 1000000 + 1 : 0) : -1;

		for (size_t i = 0; i < o->n; i++) {
			p[i] = (struct pollfd){.fd = o->wishes[i].fd, .events = POLLIN};
			open += p[i].fd >= 0;
		}
		if (!open)
			return;
		if (poll(p, o->n, ms) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < o->n; i++) {
			if (p[i].fd >= 0 && p[i].revents)
				read_answer(&o->wishes[i]);
			else if (p[i].fd >= 0 && end && clock_mono_ns() >= end)
				settle(&o->wishes[i], false, "no answer in time");
		}
	}
}

static int ask(struct options *o, struct err *err)
{
	for (size_t i = 0; i < o->n; i++) {
		/* More at once the session does not take. */
		if (i >= RATE_BURST)
			usleep(RATE_INTERVAL_NS / 1000 + 10000);
		if (send_wish(o, &o->wishes[i], err) < 0)
			return -1;
	}
	wait_answers(o);
	return 0;
}

/* ---- telling ------------------------------------------------------------------------ */

static void print_json(const struct options *o, bool granted)
{
	_cleanup_(buf_free) struct buf b = {0};

	buf_addf(&b, "{\"granted\":%s,\"paths\":[", granted ? "true" : "false");
	for (size_t i = 0; i < o->n; i++) {
		const struct wish *w = &o->wishes[i];
		buf_adds(&b, i ? ",{\"path\":" : "{\"path\":");
		buf_add_json_str(&b, w->path, strlen(w->path));
		buf_addf(&b, ",\"access\":\"%s\",\"granted\":%s,\"why\":", w->access,
			 w->granted ? "true" : "false");
		buf_add_json_str(&b, w->why, strlen(w->why));
		buf_addc(&b, '}');
	}
	buf_adds(&b, "]}\n");
	fputs(b.data, stdout);
}

static void print_text(const struct options *o)
{
	char path[POLICY_PATH_MAX];

	for (size_t i = 0; i < o->n; i++) {
		const struct wish *w = &o->wishes[i];
		text_printable(path, sizeof(path), w->path, strlen(w->path));
		printf("%s: %s %s%s%s\n", w->granted ? "granted" : "denied", w->access, path,
		       w->why[0] ? ": " : "", w->why);
	}
}

int elevation_request_command(int argc, char **argv)
{
	_cleanup_free_ struct wish *wishes = xcalloc(PATHS_MAX, sizeof(*wishes));
	struct options o = {.wishes = wishes};
	struct err err = {.cls = ERR_FAILURE};
	bool granted = true;
	int r = parse(argc, argv, &o, &err);

	if (r > 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (r == 0)
		r = ask(&o, &err);
	for (size_t i = 0; i < o.n; i++) {
		granted &= o.wishes[i].granted;
		if (o.wishes[i].fd >= 0)
			close(o.wishes[i].fd);
	}
	if (r < 0) {
		fprintf(stderr, "nono: %s\n", err.msg);
		return err.cls;
	}
	if (o.json)
		print_json(&o, granted);
	else
		print_text(&o);
	return granted ? 0 : 1;
}
