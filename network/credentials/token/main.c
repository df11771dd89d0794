/*
 * nono-token - asks a token endpoint of OAuth2 for a token of the client itself, or posts a JSON
 * text ("body", "signature": an approval backend's). A program of its own, so that neither nono nor
 * the proxy links libcurl. Standard input: "name\0value\0" ...; standard output: the answer's body,
 * or with exit code 1 what went wrong in one line.
 */
#include <curl/curl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/common.h"

#define INPUT_MAX  65536
#define ANSWER_MAX 65536
#define TIMEOUT_S  30L

struct answer {
	char body[ANSWER_MAX];
	size_t n;
};

static const char *value(const char *input, size_t n, const char *name)
{
	for (size_t at = 0; at < n;) {
		const char *key = input + at, *v = key + strlen(key) + 1;

		if (v >= input + n)
			break;
		if (str_eq(key, name))
			return v;
		at = (size_t)(v - input) + strlen(v) + 1;
	}
	return NULL;
}

/* http is for this machine alone. */
static bool on_this_machine(const char *url)
{
	static const char *const places[] = {"http://127.0.0.1", "http://localhost",
					     "http://[::1]"};

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (str_starts(url, places[i]) && strchr(":/", url[strlen(places[i])]))
			return true;
	return false;
}

static size_t take(char *data, size_t size, size_t n, void *to)
{
	struct answer *a = to;

	n *= size;
	if (n > sizeof(a->body) - a->n)
		return 0; /* ends the transfer */
	memcpy(a->body + a->n, data, n);
	a->n += n;
	return n;
}

static void add_field(CURL *curl, struct buf *form, const char *name, const char *text)
{
	char *escaped = text ? curl_easy_escape(curl, text, 0) : NULL;

	if (!escaped)
		return;
	buf_addf(form, "%s%s=", form->len ? "&" : "", name);
	buf_adds(form, escaped);
	explicit_bzero(escaped, strlen(escaped));
	curl_free(escaped);
}

static void prepare(CURL *curl, const char *input, size_t n, struct buf *form, struct answer *a)
{
	const char *url = value(input, n, "token_url");
	const char *ca = value(input, n, "tls_ca"), *proxy = value(input, n, "proxy");
	const char *timeout = value(input, n, "timeout");

	buf_reserve(form, 4 * INPUT_MAX);
	if (value(input, n, "body")) {
		buf_adds(form, value(input, n, "body"));
	} else {
		add_field(curl, form, "grant_type", "client_credentials");
		add_field(curl, form, "client_id", value(input, n, "client_id"));
		add_field(curl, form, "client_secret", value(input, n, "client_secret"));
		add_field(curl, form, "scope", value(input, n, "scope"));
	}
	curl_easy_setopt(curl, CURLOPT_URL, url ? url : "");
	/* Nothing is followed to another place. */
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR,
			 url && on_this_machine(url) ? "http" : "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form->data);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)form->len);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout ? atol(timeout) : TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "nono/" NONO_VERSION);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	if (ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
	if (proxy)
		curl_easy_setopt(curl, CURLOPT_PROXY, proxy);
}

static int ask(const char *input, size_t n, struct answer *a)
{
	struct curl_slist *headers = NULL;
	struct buf form = {0};
	CURL *curl = curl_easy_init();
	long status = 0;
	CURLcode code;

	if (!curl) {
		puts("libcurl can't be used");
		return 1;
	}
	prepare(curl, input, n, &form, a);
	headers = curl_slist_append(NULL, "Accept: application/json");
	if (value(input, n, "body"))
		headers = curl_slist_append(headers, "Content-Type: application/json");
	if (value(input, n, "signature")) {
		_cleanup_free_ char *line =
		    xasprintf("X-Nono-Signature: sha256=%s", value(input, n, "signature"));
		headers = curl_slist_append(headers, line);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	explicit_bzero(form.data, form.cap);
	buf_free(&form);
	if (code == CURLE_OK && status == 200)
		return 0;
	if (code != CURLE_OK)
		puts(curl_easy_strerror(code));
	else
		printf("it answered with status %ld\n", status);
	return 1;
}

int main(void)
{
	static char input[INPUT_MAX];
	static struct answer a;
	ssize_t n;

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	n = read_full(STDIN_FILENO, input, sizeof(input) - 1);
	if (n <= 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return 1;
	if (ask(input, (size_t)n, &a) != 0)
		return 1;
	return fwrite(a.body, 1, a.n, stdout) == a.n && fflush(stdout) == 0 ? 0 : 1;
}
