/* Syslog over TLS, RFC 5425: curl makes the connection and looks at the certificate. */
#include "audit/export/export.h"

#include <curl/curl.h>
#include <poll.h>

#define END_WAIT_MS 500

void tls_trust(CURL *c)
{
	const char *file = getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");

	if (file && *file)
		curl_easy_setopt(c, CURLOPT_CAINFO, file);
	if (dir && *dir)
		curl_easy_setopt(c, CURLOPT_CAPATH, dir);
}

CURL *tls_connect(const char *host, const char *port, long timeout_s, struct err *err)
{
	bool bare = strchr(host, ':') && host[0] != '[';
	_cleanup_free_ char *url =
	    xasprintf("https://%s%s%s:%s/", bare ? "[" : "", host, bare ? "]" : "", port);
	char reason[CURL_ERROR_SIZE] = "";
	CURL *c = curl_easy_init();
	CURLcode r;

	if (!c)
		return err_set(err, "no memory for a connection"), NULL;
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_SSL_ENABLE_ALPN, 0L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, timeout_s);
	tls_trust(c);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, reason);
	r = curl_easy_perform(c);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
	if (r == CURLE_OK)
		return c;
	curl_easy_cleanup(c);
	err_set(err, "%s:%s: %s", host, port, reason[0] ? reason : curl_easy_strerror(r));
	return NULL;
}

/* A peer that has closed would still take bytes, and they would be lost. What it says is thrown
 * away. */
bool tls_closed(CURL *c)
{
	char answers[4096];
	CURLcode r;
	size_t n;

	do
		r = curl_easy_recv(c, answers, sizeof(answers), &n);
	while (r == CURLE_OK && n > 0);
	return r != CURLE_AGAIN;
}

void tls_end(CURL *c)
{
	struct pollfd r = {.fd = -1, .events = POLLIN};

	/* A server that is still in the handshake, and has something to say at its end, would lose
	 * what was sent if this side were gone by then. */
	if (c && curl_easy_getinfo(c, CURLINFO_ACTIVESOCKET, &r.fd) == CURLE_OK && r.fd >= 0 &&
	    !tls_closed(c) && poll(&r, 1, END_WAIT_MS) > 0)
		tls_closed(c);
	curl_easy_cleanup(c);
}

int tls_send(CURL *c, const char *p, size_t n, int timeout_ms)
{
	curl_socket_t fd = -1;

	curl_easy_getinfo(c, CURLINFO_ACTIVESOCKET, &fd);
	while (n > 0) {
		size_t done = 0;
		CURLcode r = curl_easy_send(c, p, n, &done);
		struct pollfd w = {.fd = fd, .events = POLLOUT};
		if (r == CURLE_AGAIN && poll(&w, 1, timeout_ms) > 0)
			continue;
		if (r != CURLE_OK)
			return -1;
		p += done;
		n -= done;
	}
	return 0;
}
