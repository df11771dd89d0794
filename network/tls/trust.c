/*
 * Who is trusted: the system's authorities and the user's for what goes upstream; these and the
 * session's own for what runs inside.
 */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "network/tls/internal.h"

enum { BUNDLE_MAX = 8 << 20 };

/* Where distributions keep them in one file. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

static const char begin[] = "-----BEGIN CERTIFICATE-----";
static const char end[] = "-----END CERTIFICATE-----";

size_t tls_pem_certificates(const char *p, size_t n, struct buf *out)
{
	const char *stop = p + n;
	size_t found = 0;

	while (p < stop) {
		const char *from = memmem(p, (size_t)(stop - p), begin, sizeof(begin) - 1);
		const char *to, *dash;

		if (!from)
			break;
		p = from + sizeof(begin) - 1;
		to = memmem(p, (size_t)(stop - p), end, sizeof(end) - 1);
		if (!to)
			break;
		/* A block that was cut off must not swallow the next one, nor a key. */
		dash = memchr(p, '-', (size_t)(to - p));
		if (dash)
			continue;
		p = to + sizeof(end) - 1;
		buf_add(out, from, (size_t)(p - from));
		buf_addc(out, '\n');
		found++;
	}
	return found;
}

int trust_read(struct trust *t, const struct tls_options *o, struct err *err)
{
	const char *const *path = bundles;
	const char *const *last = bundles + ARRAY_LEN(bundles);
	size_t n, found = 0;

	if (o->system_ca_file) {
		path = &o->system_ca_file;
		last = path + 1;
	}
	for (; path < last && !found; path++) {
		_cleanup_free_ char *text = file_read(*path, BUNDLE_MAX, &n, NULL);

		if (text)
			found = tls_pem_certificates(text, n, &t->pem);
	}
	if (o->user_ca_file && *o->user_ca_file) {
		_cleanup_free_ char *text = file_read(o->user_ca_file, BUNDLE_MAX, &n, err);

		if (!text)
			return err_prefix(err, "SSL_CERT_FILE");
		found += tls_pem_certificates(text, n, &t->pem);
	}
	if (!found)
		return err_set(err, "no certificates of authorities were found; install "
				    "ca-certificates or set SSL_CERT_FILE");
	return 0;
}

/* In place: the file that is there is the one that a sandbox was given. */
static int write_in_place(const char *path, const struct buf *text, struct err *err)
{
	_cleanup_close_ int fd =
	    open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_TRUNC, 0644);

	/* Certificates are for everybody to see, whatever the umask. */
	if (fd < 0 || fchmod(fd, 0644) < 0 || write_full(fd, text->data, text->len) < 0)
		return err_errno(err, errno, "can't write %s", path);
	return 0;
}

int trust_write_bundle(const struct trust *t, const char *authority_pem, const char *path,
		       struct err *err)
{
	_cleanup_(buf_free) struct buf all = {0};

	buf_reserve(&all, t->pem.len + strlen(authority_pem) + 1);
	buf_add(&all, t->pem.data, t->pem.len);
	buf_adds(&all, authority_pem);
	return write_in_place(path, &all, err);
}

/* One that can't be read is left out: it may be of a kind that this OpenSSL does not know. */
static void add_all(X509_STORE *store, const char *pem, size_t n)
{
	BIO *in = n && n <= INT32_MAX ? BIO_new_mem_buf(pem, (int)n) : NULL;

	if (!in)
		return;
	for (;;) {
		X509 *x = PEM_read_bio_X509(in, NULL, NULL, NULL);

		if (!x) {
			unsigned long e = ERR_peek_last_error();

			if (!e || ERR_GET_REASON(e) == PEM_R_NO_START_LINE)
				break;
			ERR_clear_error();
			continue;
		}
		X509_STORE_add_cert(store, x);
		X509_free(x);
	}
	ERR_clear_error();
	BIO_free(in);
}

X509_STORE *trust_store(struct trust *t)
{
	if (!t->store && (t->store = X509_STORE_new()))
		add_all(t->store, t->pem.data, t->pem.len);
	return t->store;
}

X509_STORE *trust_store_with(struct trust *t, const char *pem, size_t n)
{
	X509_STORE *store = X509_STORE_new();

	if (store) {
		add_all(store, t->pem.data, t->pem.len);
		add_all(store, pem, n);
	}
	return store;
}

void trust_free(struct trust *t)
{
	buf_free(&t->pem);
	X509_STORE_free(t->store);
	t->store = NULL;
}
