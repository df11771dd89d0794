/* The keys process: what the proxy asks for arrives, is kept as long as it is good, and nothing
 * else holds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "network/credentials/proxy.h"

#define SECRET "real-Secret-0123456789"

/* credentials_start() wipes the environment: each test has a process of its own. */
static void apart(void (*test)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		test();
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define CHECK(x)                                                                \
	do {                                                                    \
		if (!(x)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			_exit(1);                                               \
		}                                                               \
	} while (0)

struct outcome {
	struct credential_want w;
	bool told, ok;
	char why[800];
};

static void on_done(struct credential_want *w, bool ok, const struct err *err)
{
	struct outcome *o = w->data;

	CHECK(!o->told);
	o->told = true;
	o->ok = ok;
	str_copy(o->why, sizeof(o->why), ok ? "" : err->msg);
}

static void dispatch(struct credentials *c)
{
	struct pollfd p = {.fd = credentials_fd(c), .events = POLLIN};

	CHECK(poll(&p, 1, 20000) == 1);
	credentials_dispatch(c);
}

/* 1: at once; else waits. */
static bool get(struct credentials *c, const struct policy_route *r, const char *path,
		struct outcome *o, bool *at_once)
{
	struct credential_facts facts = {.host = "api.example.com", .method = "GET"};
	struct err err = {0};
	int n;

	*o = (struct outcome){.w = {.done = on_done, .data = o}};
	str_copy(facts.path, sizeof(facts.path), path);
	n = credentials_want(c, r, &facts, &o->w, &err);
	*at_once = n != 0;
	if (n < 0)
		str_copy(o->why, sizeof(o->why), err.msg);
	while (n == 0 && !o->told)
		dispatch(c);
	return n == 1 || o->ok;
}

static const char *value(const struct outcome *o)
{
	return o->w.slot->value.data;
}

static struct policy_route route(const char *name, const char *key)
{
	return (struct policy_route){.name = (char *)name,
				     .upstream = (char *)"https://api.example.com",
				     .key = (char *)key};
}

static bool process_holds(pid_t pid, const char *file, const char *needle)
{
	static char text[1 << 20];
	char path[64];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	f = fopen(path, "re");
	n = f ? fread(text, 1, sizeof(text), f) : 0;
	if (f)
		fclose(f);
	return memmem(text, n, needle, strlen(needle)) != NULL;
}

static void sources(void)
{
	char file[] = "/tmp/nono-keys-XXXXXX", reference[64];
	struct policy_capture captures[] = {
	    {.name = (char *)"text",
	     .command = (char *[]){(char *)"sh", (char *)"-c",
				   (char *)"echo $NONO_REQUEST_PATH-$MY_SECRET", NULL},
	     .ttl_s = 900,
	     .cache_path_regex = (char *)"^/[a-z]+"},
	    {.name = (char *)"json",
	     .command =
		 (char *[]){
		     (char *)"sh", (char *)"-c",
		     (char *)"read -r l; echo '{\"headers\":{\"X-One\":\"1\",\"x-two\":\"'$(echo "
			     "$l | wc -c)'\"}}'",
		     NULL},
	     .stdin_json = true,
	     .json = true,
	     .headers = (char *[]){(char *)"x-one", (char *)"X-Two", NULL}},
	    {.name = (char *)"bad",
	     .command =
		 (char *[]){(char *)"echo", (char *)"{\"headers\":{\"Host\":\"evil\"}}", NULL},
	     .json = true,
	     .headers = (char *[]){(char *)"x-one", NULL}},
	    {.name = (char *)"slow",
	     .command = (char *[]){(char *)"sleep", (char *)"100", NULL},
	     .timeout_s = 1},
	    {.name = (char *)"fails", .command = (char *[]){(char *)"false", NULL}},
	};
	struct policy_route routes[9];
	struct net_config config = {.network = {.captures = captures,
						.n_captures = ARRAY_LEN(captures),
						.routes = {routes, 0}}};
	struct outcome o, other;
	struct credentials *c;
	struct err err = {0};
	bool at_once;
	int fd = mkstemp(file);

	CHECK(fd >= 0 && write_full(fd, SECRET "\r\n", strlen(SECRET) + 2) == 0);
	snprintf(reference, sizeof(reference), "file://%s", file);
	setenv("MY_SECRET", SECRET, 1);
	setenv("AWS_ACCESS_KEY_ID", "AKIA1", 1);
	setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
	setenv("AWS_REGION", "eu-west-1", 1);
	routes[0] = route("env", "env://MY_SECRET");
	routes[1] = route("file", reference);
	routes[2] = route("text", "cmd://text");
	routes[3] = route("json", "cmd://json");
	routes[4] = route("bad", "cmd://bad");
	routes[5] = route("slow", "cmd://slow");
	routes[6] = route("fails", "cmd://fails");
	routes[7] = route("none", "env://NOT_THERE");
	routes[8] = route("aws", NULL);
	routes[8].aws.on = true;
	config.network.routes.n = ARRAY_LEN(routes);
	c = credentials_start(&config, &err);
	CHECK(c);

	/* Gone from here; the process that has them shows them to nobody. */
	CHECK(!getenv("MY_SECRET") && !process_holds(getpid(), "environ", SECRET));
	CHECK(get(c, &routes[0], "/", &o, &at_once) && !at_once);
	CHECK(str_eq(value(&o), SECRET));
	CHECK(!process_holds(c->pid, "environ", SECRET) &&
	      !process_holds(c->pid, "cmdline", SECRET));
	CHECK(process_holds(c->pid, "comm", "nono-keys"));
	credentials_cancel(&o.w);
	CHECK(get(c, &routes[0], "/", &o, &at_once) && at_once);
	CHECK(get(c, &routes[1], "/", &other, &at_once) && str_eq(value(&other), SECRET));

	/* The same request again is one question; captures may differ by path. */
	CHECK(get(c, &routes[2], "/ab/1", &o, &at_once) && str_eq(value(&o), "/ab/1-" SECRET));
	CHECK(get(c, &routes[2], "/ab/2", &o, &at_once) && at_once &&
	      str_eq(value(&o), "/ab/1-" SECRET));
	CHECK(get(c, &routes[2], "/cd/1", &o, &at_once) && str_eq(value(&o), "/cd/1-" SECRET));

	/* Headers, of those allowed. ttl 0: never kept. */
	CHECK(get(c, &routes[3], "/", &o, &at_once) && o.w.slot->list);
	CHECK(str_eq(credential_list_get(&o.w.slot->value, "X-One"), "1"));
	CHECK(atoi(credential_list_get(&o.w.slot->value, "x-two")) > 60);
	credentials_cancel(&o.w);
	CHECK(get(c, &routes[3], "/", &o, &at_once) && !at_once);
	credentials_cancel(&o.w);
	credentials_sweep(c);
	CHECK(!c->routes[3].slots->value.data && c->routes[0].slots->value.data);
	CHECK(!get(c, &routes[4], "/", &o, &at_once) &&
	      strstr(o.why, "may not set the header Host"));

	/* Failures are told, and kept for a moment. */
	CHECK(!get(c, &routes[5], "/", &o, &at_once) && strstr(o.why, "did not answer within 1 s"));
	CHECK(!get(c, &routes[5], "/", &o, &at_once) && at_once);
	CHECK(!get(c, &routes[6], "/", &o, &at_once) && strstr(o.why, "ended with code 1"));
	CHECK(!get(c, &routes[7], "/", &o, &at_once) && strstr(o.why, "not set"));

	CHECK(get(c, &routes[8], "/", &o, &at_once));
	CHECK(str_eq(credential_list_get(&o.w.slot->value, "access_key"), "AKIA1"));
	CHECK(str_eq(credential_list_get(&o.w.slot->value, "secret_key"), SECRET));
	CHECK(str_eq(credential_list_get(&o.w.slot->value, "region"), "eu-west-1"));
	CHECK(!credential_list_get(&o.w.slot->value, "token"));
	unlink(file);
	credentials_free(c);
}

static void test_sources(void **state)
{
	(void)state;
	apart(sources);
}

/* Many that wait for the same and for others; some go away; then keys is killed. */
static void crowd(void)
{
	struct policy_capture captures[] = {
	    {.name = (char *)"slow",
	     .command = (char *[]){(char *)"sh", (char *)"-c",
				   (char *)"sleep 0.3; echo x$NONO_REQUEST_PATH", NULL},
	     .ttl_s = 900,
	     .cache_path_regex = (char *)"^/[0-9]+"},
	    {.name = (char *)"ever",
	     .command = (char *[]){(char *)"sleep", (char *)"100", NULL},
	     .timeout_s = 300},
	};
	struct policy_route routes[] = {route("slow", "cmd://slow"), route("ever", "cmd://ever")};
	struct net_config config = {
	    .network = {.captures = captures, .n_captures = 2, .routes = {routes, 2}}};
	static struct outcome o[120], last;
	struct err err = {0};
	struct credentials *c = credentials_start(&config, &err);
	size_t told = 0;

	CHECK(c);
	for (size_t i = 0; i < ARRAY_LEN(o); i++) {
		struct credential_facts facts = {.host = "h"};

		o[i].w = (struct credential_want){.done = on_done, .data = &o[i]};
		snprintf(facts.path, sizeof(facts.path), "/%zu", i % 30);
		CHECK(credentials_want(c, &routes[0], &facts, &o[i].w, &err) == 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(o); i += 3)
		credentials_cancel(&o[i].w);
	while (told < 80) {
		dispatch(c);
		told = 0;
		for (size_t i = 0; i < ARRAY_LEN(o); i++)
			told += o[i].told;
	}
	for (size_t i = 0; i < ARRAY_LEN(o); i++) {
		char want[32];

		CHECK(o[i].told == (i % 3 != 0));
		if (!o[i].told)
			continue;
		snprintf(want, sizeof(want), "x/%zu", i % 30);
		CHECK(o[i].ok && str_eq(value(&o[i]), want));
		credentials_cancel(&o[i].w);
	}
	last.w = (struct credential_want){.done = on_done, .data = &last};
	CHECK(credentials_want(c, &routes[1], &(struct credential_facts){0}, &last.w, &err) == 0);
	kill(c->pid, SIGKILL);
	while (!last.told)
		dispatch(c);
	CHECK(!last.ok && strstr(last.why, "has ended"));
	CHECK(credentials_fd(c) == -1);
	credentials_cancel(&last.w);
	credentials_free(c);
}

static void test_crowd(void **state)
{
	(void)state;
	apart(crowd);
}

static void test_start(void **state)
{
	struct policy_route bad[] = {route("a", "surprise://x"), route("b", "env://A")};
	struct net_config config = {.network = {.routes = {bad, 1}}};
	struct err err = {0};

	(void)state;
	assert_null(credentials_start(&config, &err));
	assert_non_null(strstr(err.msg, "not supported"));
	bad[0] = route("b", "env://A");
	bad[0].upstream = (char *)"nonsense";
	assert_null(credentials_start(&config, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sources),
	    cmocka_unit_test(test_crowd),
	    cmocka_unit_test(test_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
