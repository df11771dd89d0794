/*
 * The session's authority and TLS on streams. Both ends of a socket pair are ours: an authority
 * that plays the world outside, and the one of a session that trusts it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "network/proxy/tls_stream.h"

/* No certificate, and none that a parser takes: it is left out of what is trusted. */
static const char nothing[] = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

struct fixture {
	char dir[32];
	char *bundle, *outer_pem;
	struct net_config config;
	struct tls *outer, *ours;
	struct stream_loop loop;
};

static struct net_host host(const char *name)
{
	struct net_host h = {0};

	str_copy(h.name, sizeof(h.name), name);
	if (inet_pton(AF_INET, name, h.address) == 1)
		h.family = AF_INET;
	else if (inet_pton(AF_INET6, name, h.address) == 1)
		h.family = AF_INET6;
	h.is_address = h.family != 0;
	return h;
}

static void put(const char *path, const char *text, mode_t mode)
{
	struct err err;

	if (file_write_atomic(path, mode, text, strlen(text), &err) < 0)
		fail_msg("%s", err.msg);
}

static struct tls *open_tls(const struct net_config *c, const char *trusted)
{
	struct tls_options o = {.system_ca_file = trusted};
	struct err err;
	struct tls *t = tls_new(c, &o, &err);

	if (!t)
		fail_msg("%s", err.msg);
	return t;
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	_cleanup_free_ char *none = NULL;

	str_copy(f->dir, sizeof(f->dir), "/tmp/nono-test-tls-XXXXXX");
	if (!mkdtemp(f->dir) || stream_loop_init(&f->loop, NULL) < 0)
		return -1;
	none = xasprintf("%s/none.pem", f->dir);
	f->outer_pem = xasprintf("%s/outer.pem", f->dir);
	f->bundle = xasprintf("%s/bundle.pem", f->dir);
	put(none, nothing, 0600);
	str_copy(f->config.session_id, sizeof(f->config.session_id), "outside");
	f->outer = open_tls(&f->config, none);
	put(f->outer_pem, tls_authority_pem(f->outer), 0600);
	str_copy(f->config.session_id, sizeof(f->config.session_id), "abc123");
	f->config.ca_bundle = f->bundle;
	f->config.network.ca_days = 2;
	f->ours = open_tls(&f->config, f->outer_pem);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *command = xasprintf("rm -rf '%s'", f->dir);

	tls_free(f->outer);
	tls_free(f->ours);
	stream_loop_close(&f->loop);
	free(f->bundle);
	free(f->outer_pem);
	free(f);
	return system(command);
}

/* ---- certificates ---- */

static X509 *parse(const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);

	BIO_free(b);
	return x;
}

static void the_authority_is_for_a_session(void **state)
{
	struct fixture *f = *state;
	X509 *x = parse(tls_authority_pem(f->ours));
	char name[128] = "";
	int days, seconds;

	assert_non_null(x);
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof(name));
	assert_string_equal(name, "nono session abc123");
	assert_int_equal(X509_check_ca(x), 1);
	assert_int_equal(X509_get_pathlen(x), 0);
	assert_int_equal(X509_get_extended_key_usage(x), XKU_SSL_SERVER);
	ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x));
	assert_in_range(days, 1, 2);
	X509_free(x);
}

static void the_bundle_is_for_all(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *text = NULL;
	struct stat st;

	assert_int_equal(stat(f->bundle, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	text = file_read(f->bundle, 1 << 20, NULL, NULL);
	assert_non_null(strstr(text, tls_authority_pem(f->ours)));
	assert_non_null(strstr(text, tls_authority_pem(f->outer)));
	assert_null(strstr(text, "PRIVATE"));
}

static void only_certificates_are_copied(void **state)
{
	static const char key[] =
	    "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
	_cleanup_(buf_free) struct buf in = {0}, out = {0};

	(void)state;
	buf_adds(&in, "a comment\n");
	buf_adds(&in, key);
	buf_adds(&in, nothing);
	buf_adds(&in, "-----BEGIN CERTIFICATE-----\ncut off\n"); /* swallows no key */
	buf_adds(&in, key);
	buf_adds(&in, nothing);
	assert_int_equal(tls_pem_certificates(in.data, in.len, &out), 2);
	assert_null(strstr(out.data, "PRIVATE"));
	assert_null(strstr(out.data, "comment"));
	assert_null(strstr(out.data, "cut off"));
}

static void leaf_has_one_exact_name(void **state, const char *name, const char *wrong)
{
	struct fixture *f = *state;
	struct net_host h = host(name);
	SSL *ssl = tls_server(f->ours, &h, 443, false, NULL);
	X509 *x, *ca = parse(tls_authority_pem(f->ours));
	GENERAL_NAMES *names;

	assert_non_null(ssl);
	x = SSL_get_certificate(ssl);
	names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	if (h.is_address) {
		assert_int_equal(X509_check_ip_asc(x, name, 0), 1);
		assert_int_equal(X509_check_ip_asc(x, wrong, 0), 0);
	} else {
		assert_int_equal(X509_check_host(x, name, 0, 0, NULL), 1);
		assert_int_equal(X509_check_host(x, wrong, 0, 0, NULL), 0);
	}
	assert_int_equal(X509_verify(x, X509_get0_pubkey(ca)), 1);
	assert_int_equal(X509_check_ca(x), 0);
	assert_int_equal(ASN1_TIME_compare(X509_get0_notAfter(x), X509_get0_notAfter(ca)), 0);
	GENERAL_NAMES_free(names);
	X509_free(ca);
	SSL_free(ssl);
}

static void leaves(void **state)
{
	char longest[254];

	leaf_has_one_exact_name(state, "api.example.com", "example.com");
	leaf_has_one_exact_name(state, "a_b.example.com", "b.example.com");
	leaf_has_one_exact_name(state, "127.0.0.1", "127.0.0.2");
	leaf_has_one_exact_name(state, "::1", "::2");
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 50; i < sizeof(longest); i += 50)
		longest[i] = '.';
	longest[253] = '\0';
	leaf_has_one_exact_name(state, longest, "a");
}

static void leaves_are_kept_and_bounded(void **state)
{
	struct fixture *f = *state;
	struct net_host h = host("kept.example.com");
	SSL *a = tls_server(f->ours, &h, 443, false, NULL),
	    *b = tls_server(f->ours, &h, 443, false, NULL);

	assert_ptr_equal(SSL_get_certificate(a), SSL_get_certificate(b));
	for (unsigned i = 0; i < 1200; i++) {
		char name[40];
		struct net_host other;
		SSL *ssl;

		snprintf(name, sizeof(name), "h%u.example.com", i);
		other = host(name);
		ssl = tls_server(f->ours, &other, 443, false, NULL);
		assert_int_equal(X509_check_host(SSL_get_certificate(ssl), name, 0, 0, NULL), 1);
		SSL_free(ssl);
	}
	/* Those in use stay, whatever was put out of the cache. */
	assert_int_equal(X509_check_host(SSL_get_certificate(a), h.name, 0, 0, NULL), 1);
	SSL_free(a);
	SSL_free(b);
}

/* ---- connections ---- */

struct pair {
	struct stream *client, *server;
};

static struct pair connect_pair(struct fixture *f)
{
	int fds[2], small = 4096;
	struct pair p;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
	for (size_t i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	p.client = stream_open(&f->loop, fds[0], NULL);
	p.server = stream_open(&f->loop, fds[1], NULL);
	return p;
}

static void close_pair(struct fixture *f, struct pair p)
{
	stream_close(p.client);
	stream_close(p.server);
	uv_run(&f->loop.uv, UV_RUN_NOWAIT);
}

/* Both sides in turn until one failed or both are through. */
static int shake(struct pair p, struct err *client, struct err *server, bool *about)
{
	int c = 0, s = 0;
	bool other;

	client->msg[0] = server->msg[0] = '\0';
	for (unsigned i = 0; i < 1000 && c >= 0 && s >= 0 && !(c && s); i++) {
		if (!c)
			c = tls_stream_handshake(p.client, client, about);
		if (!s)
			s = tls_stream_handshake(p.server, server, &other);
	}
	/* What a refusal looks like to the other side. */
	if (c < 0 && !s)
		tls_stream_handshake(p.server, server, &other);
	return c == 1 && s == 1 ? 0 : -1;
}

static int meet(struct fixture *f, struct pair p, struct tls *client, const char *wants,
		const char *is, bool h2, struct err *why)
{
	struct net_host a = host(wants), b = host(is);
	struct err server;
	bool about = false;
	int r;

	tls_stream_start(p.client, tls_client(client, &a, 443, NULL, h2, NULL));
	tls_stream_start(p.server, tls_server(f->outer, &b, 443, h2, NULL));
	r = shake(p, why, &server, &about);
	if (r < 0)
		assert_true(about);
	return r;
}

static void certificates_upstream_are_checked(void **state)
{
	struct fixture *f = *state;
	struct pair p;
	struct err why;

	p = connect_pair(f);
	assert_int_equal(meet(f, p, f->ours, "a.example", "a.example", false, &why), 0);
	assert_false(tls_is_h2(tls_stream_ssl(p.client)));
	close_pair(f, p);
	p = connect_pair(f);
	assert_int_equal(meet(f, p, f->ours, "127.0.0.1", "127.0.0.1", false, &why), 0);
	close_pair(f, p);
	p = connect_pair(f);
	assert_int_equal(meet(f, p, f->ours, "a.example", "b.example", false, &why), -1);
	assert_non_null(strstr(why.msg, "hostname mismatch"));
	close_pair(f, p);
	p = connect_pair(f);
	assert_int_equal(meet(f, p, f->ours, "127.0.0.1", "127.0.0.2", false, &why), -1);
	assert_non_null(strstr(why.msg, "IP address mismatch"));
	close_pair(f, p);
	/* It does not trust itself. */
	p = connect_pair(f);
	assert_int_equal(meet(f, p, f->outer, "a.example", "a.example", false, &why), -1);
	assert_non_null(strstr(why.msg, "not good"));
	close_pair(f, p);
}

static void h2_where_both_may(void **state)
{
	struct fixture *f = *state;
	struct pair p = connect_pair(f);
	struct err why;

	assert_int_equal(meet(f, p, f->ours, "h2.example", "h2.example", true, &why), 0);
	assert_true(tls_is_h2(tls_stream_ssl(p.client)));
	assert_true(tls_is_h2(tls_stream_ssl(p.server)));
	close_pair(f, p);
}

static void one_word(struct pair p)
{
	char got[16];

	/* Tickets come with it. */
	assert_int_equal(stream_write(p.server, "hello", 5), 5);
	assert_int_equal(stream_read(p.client, got, sizeof(got)), 5);
	assert_memory_equal(got, "hello", 5);
	assert_int_equal(stream_read(p.client, got, sizeof(got)), -1);
	assert_int_equal(errno, EAGAIN);
}

static void sessions_are_resumed(void **state)
{
	struct fixture *f = *state;
	struct err why;

	for (unsigned i = 0; i < 3; i++) {
		struct pair p = connect_pair(f);

		assert_int_equal(meet(f, p, f->ours, "r.example", "r.example", false, &why), 0);
		assert_int_equal(SSL_session_reused(tls_stream_ssl(p.client)), i > 0);
		one_word(p);
		close_pair(f, p);
	}
	/* Not for another place. */
	struct pair p = connect_pair(f);
	assert_int_equal(meet(f, p, f->ours, "r2.example", "r2.example", false, &why), 0);
	assert_int_equal(SSL_session_reused(tls_stream_ssl(p.client)), 0);
	close_pair(f, p);
}

/* A client's ticket for one host is not taken by another, even if it names it. */
static void tickets_are_bound(void **state)
{
	struct fixture *f = *state;
	struct net_host a = host("a.example"), b = host("b.example");
	struct pair p = connect_pair(f);
	SSL_SESSION *session;
	struct err why, server;
	bool about;
	SSL *ssl;

	assert_int_equal(meet(f, p, f->ours, "a.example", "a.example", false, &why), 0);
	one_word(p);
	session = SSL_get1_session(tls_stream_ssl(p.client));
	close_pair(f, p);
	p = connect_pair(f);
	ssl = tls_client(f->ours, &a, 443, NULL, false, NULL);
	SSL_set_session(ssl, session);
	SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	tls_stream_start(p.client, ssl);
	tls_stream_start(p.server, tls_server(f->outer, &b, 443, false, NULL));
	shake(p, &why, &server, &about);
	assert_int_equal(SSL_session_reused(ssl), 0);
	SSL_SESSION_free(session);
	close_pair(f, p);
}

static void a_client_that_refuses(void **state)
{
	struct fixture *f = *state;
	struct net_host h = host("a.example");
	struct pair p = connect_pair(f);
	struct err client, server;
	bool about;

	/* It trusts the world outside, not us. */
	tls_stream_start(p.client, tls_client(f->ours, &h, 443, NULL, false, NULL));
	tls_stream_start(p.server, tls_server(f->ours, &h, 443, false, NULL));
	assert_int_equal(shake(p, &client, &server, &about), -1);
	assert_non_null(strstr(server.msg, "does not trust"));
	close_pair(f, p);
}

static void no_tls_at_all(void **state)
{
	struct fixture *f = *state;
	struct net_host h = host("a.example");
	struct pair p = connect_pair(f);
	struct err err;
	bool about;

	tls_stream_start(p.server, tls_server(f->ours, &h, 443, false, NULL));
	stream_write(p.client, "GET / HTTP/1.1\r\n\r\n", 18);
	assert_int_equal(tls_stream_handshake(p.server, &err, &about), -1);
	assert_string_equal(err.msg, "it speaks plain HTTP");
	assert_false(about);
	close_pair(f, p);
	p = connect_pair(f);
	tls_stream_start(p.server, tls_server(f->ours, &h, 443, false, NULL));
	assert_int_equal(tls_stream_handshake(p.server, &err, &about), 0);
	stream_close(p.client);
	assert_int_equal(tls_stream_handshake(p.server, &err, &about), -1);
	assert_string_equal(err.msg, "it closed the connection");
	stream_close(p.server);
	uv_run(&f->loop.uv, UV_RUN_NOWAIT);
}

/* The ClientHello was read together with what came before it. */
static void what_was_read_too_early(void **state)
{
	struct fixture *f = *state;
	struct net_host h = host("early.example");
	struct pair p = connect_pair(f);
	struct err client, server;
	char early[8192];
	ssize_t n;
	bool about;

	tls_stream_start(p.client, tls_client(f->ours, &h, 443, NULL, false, NULL));
	assert_int_equal(tls_stream_handshake(p.client, &client, &about), 0);
	n = stream_raw_read(p.server, early, sizeof(early));
	assert_true(n > 100);
	stream_unread(p.server, early, (size_t)n);
	tls_stream_start(p.server, tls_server(f->outer, &h, 443, false, NULL));
	assert_int_equal(shake(p, &client, &server, &about), 0);
	one_word(p);
	close_pair(f, p);
}

/* A reader above TLS may put back what it took: it gets that again, before the peer's next bytes.
 */
static void put_back_above_tls(void **state)
{
	struct fixture *f = *state;
	struct pair p = connect_pair(f);
	struct err why;
	char got[16];

	assert_int_equal(meet(f, p, f->ours, "back.example", "back.example", false, &why), 0);
	assert_int_equal(stream_write(p.client, "head", 4), 4);
	assert_int_equal(stream_read(p.server, got, sizeof(got)), 4);
	stream_unread(p.server, got, 4);
	assert_int_equal(stream_write(p.client, "body", 4), 4);
	assert_int_equal(stream_read(p.server, got, 2), 2);
	assert_memory_equal(got, "he", 2);
	assert_int_equal(stream_read(p.server, got, sizeof(got)), 2);
	assert_memory_equal(got, "ad", 2);
	assert_int_equal(stream_read(p.server, got, sizeof(got)), 4);
	assert_memory_equal(got, "body", 4);
	close_pair(f, p);
}

/* Through a small socket, with other lengths at every try, read slowly: nothing lost or doubled. */
static void back_pressure(void **state)
{
	struct fixture *f = *state;
	struct pair p = connect_pair(f);
	static char sent[400000], got[sizeof(sent) + 1];
	size_t out = 0, in = 0, stalls = 0, turn = 0;
	struct err why;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 2654435761u >> 13);
	assert_int_equal(meet(f, p, f->ours, "b.example", "b.example", false, &why), 0);
	while (in < sizeof(sent)) {
		for (;;) {
			size_t n = 1 + (turn++ * 7919) % 50000;
			ssize_t r;

			if (n > sizeof(sent) - out)
				n = sizeof(sent) - out;
			if (!n)
				break;
			r = stream_write(p.server, sent + out, n);
			if (r < 0) {
				assert_int_equal(errno, EAGAIN);
				stalls++;
				break;
			}
			out += (size_t)r;
		}
		for (unsigned i = 0; i < 3; i++) {
			ssize_t r = stream_read(p.client, got + in, sizeof(got) - in);

			if (r < 0) {
				assert_int_equal(errno, EAGAIN);
				break;
			}
			in += (size_t)r;
		}
	}
	assert_true(stalls > 5);
	assert_int_equal(in, sizeof(sent));
	assert_memory_equal(sent, got, sizeof(sent));
	assert_int_equal(stream_shut(p.server), 0);
	assert_int_equal(stream_read(p.client, got, sizeof(got)), 0);
	close_pair(f, p);
}

/* An end that anybody on the way can make is not the end of the message. */
static void cut_connections_are_no_end(void **state)
{
	struct fixture *f = *state;
	struct pair p = connect_pair(f);
	struct err why;
	char c;

	assert_int_equal(meet(f, p, f->ours, "c.example", "c.example", false, &why), 0);
	one_word(p);
	stream_close(p.server);
	assert_int_equal(stream_read(p.client, &c, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	stream_close(p.client);
	uv_run(&f->loop.uv, UV_RUN_NOWAIT);
}

/* ---- files ---- */

static void key_of_others_is_refused(void **state)
{
	struct fixture *f = *state;
	struct net_config c = {0};
	struct tls_options o = {.system_ca_file = f->outer_pem};
	_cleanup_free_ char *key = xasprintf("%s/key.pem", f->dir);
	struct err err;

	put(key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0644);
	c.ca_cert = f->outer_pem;
	c.ca_key = key;
	assert_null(tls_new(&c, &o, &err));
	assert_non_null(strstr(err.msg, "chmod 600"));
	chmod(key, 0600);
	assert_null(tls_new(&c, &o, &err));
	assert_non_null(strstr(err.msg, "no private key"));
}

static void authority_of_a_file(void **state)
{
	struct fixture *f = *state;
	struct tls_options o = {.system_ca_file = f->outer_pem};
	_cleanup_free_ char *key = xasprintf("%s/own.key", f->dir),
			    *cert = xasprintf("%s/own.pem", f->dir),
			    *make =
				xasprintf("openssl req -x509 -newkey ec -pkeyopt "
					  "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=own "
					  "-keyout %s -out %s 2>/dev/null",
					  key, cert);
	struct net_config c = {.ca_cert = cert, .ca_key = key};
	struct net_host h = host("f.example");
	struct err err;
	struct tls *t;
	SSL *ssl;

	if (system(make) != 0)
		skip();
	chmod(key, 0600);
	t = tls_new(&c, &o, &err);
	if (!t)
		fail_msg("%s", err.msg);
	ssl = tls_server(t, &h, 443, false, &err);
	assert_non_null(ssl);
	SSL_free(ssl);
	tls_free(t);
	/* A key that is not its. */
	c.ca_cert = f->outer_pem;
	assert_null(tls_new(&c, &o, &err));
	assert_non_null(strstr(err.msg, "is not the key of"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_authority_is_for_a_session),
	    cmocka_unit_test(the_bundle_is_for_all),
	    cmocka_unit_test(only_certificates_are_copied),
	    cmocka_unit_test(leaves),
	    cmocka_unit_test(leaves_are_kept_and_bounded),
	    cmocka_unit_test(certificates_upstream_are_checked),
	    cmocka_unit_test(h2_where_both_may),
	    cmocka_unit_test(sessions_are_resumed),
	    cmocka_unit_test(tickets_are_bound),
	    cmocka_unit_test(a_client_that_refuses),
	    cmocka_unit_test(no_tls_at_all),
	    cmocka_unit_test(put_back_above_tls),
	    cmocka_unit_test(what_was_read_too_early),
	    cmocka_unit_test(back_pressure),
	    cmocka_unit_test(cut_connections_are_no_end),
	    cmocka_unit_test(key_of_others_is_refused),
	    cmocka_unit_test(authority_of_a_file),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
