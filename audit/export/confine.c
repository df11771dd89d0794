#include "audit/export/confine.h"

#include "audit/store.h"
#include "sandbox/nono.h"

#include <curl/curl.h>
#include <netdb.h>

/* What libc's resolver and OpenSSL read at each connection; no private keys. */
static const char *const for_network[] = {
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager/resolv.conf",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
};

#define PATHS_MAX (ARRAY_LEN(for_network) + 3)

/* Links are followed now: what they lead to is what stays readable. */
static void add(struct nono_path *v, size_t *n, const char *path)
{
	char *real = path && *path ? realpath(path, NULL) : NULL;

	if (real)
		v[(*n)++] = (struct nono_path){.path = real, .access = NONO_READ};
}

int confine(const char *session, bool local, struct err *err)
{
	_cleanup_free_ char *dir = store_dir(session);
	struct nono_path v[PATHS_MAX];
	struct nono_error e = {0};
	size_t n = 0;
	int r;

	add(v, &n, dir);
	for (size_t i = 0; !local && i < ARRAY_LEN(for_network); i++)
		add(v, &n, for_network[i]);
	if (!local) {
		add(v, &n, getenv("SSL_CERT_FILE"));
		add(v, &n, getenv("SSL_CERT_DIR"));
	}
	r = nono_confine_sender(v, n, local, &e);
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)v[i].path);
	return r < 0 ? err_set(err, "%s", e.msg) : 0;
}

int confine_keeper(const char *session, struct err *err)
{
	_cleanup_free_ char *dir = store_dir(session), *real = dir ? realpath(dir, NULL) : NULL;
	const struct nono_path path = {.path = real, .access = NONO_READ | NONO_WRITE};
	struct nono_error e = {0};

	if (!real)
		return err_errno(err, errno, "can't find the record of session %s", session);
	return nono_confine_keeper(&path, &e) < 0 ? err_set(err, "%s", e.msg) : 0;
}

static char *host_of(const char *url)
{
	CURLU *u = curl_url();
	char *part = NULL, *host = NULL;

	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &part, 0) == CURLUE_OK)
		host = xstrdup(part);
	curl_free(part);
	curl_url_cleanup(u);
	return host;
}

void load_resolver(const char *where, bool is_url)
{
	_cleanup_free_ char *host = is_url ? host_of(where) : xstrdup(where);
	struct addrinfo *list = NULL;

	/* The answer does not matter. */
	if (host && getaddrinfo(host, NULL, NULL, &list) == 0)
		freeaddrinfo(list);
}
