/* Reading the ClientHello: whole, in pieces, over several records, with what must not be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/ssl.h>

#include "network/tls/tls.h"

/* What OpenSSL's client would send. */
static void real_hello(struct buf *out, const char *name, bool h2)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	BIO *in = BIO_new(BIO_s_mem()), *wire = BIO_new(BIO_s_mem());
	char *p;
	long n;

	SSL_set_bio(ssl, in, wire);
	if (name)
		SSL_set_tlsext_host_name(ssl, name);
	if (h2)
		SSL_set_alpn_protos(ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
	SSL_connect(ssl);
	n = BIO_get_mem_data(wire, &p);
	buf_add(out, p, (size_t)n);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

/* The same message in records of so many bytes. */
static void split(const struct buf *whole, size_t size, struct buf *out)
{
	for (size_t at = 5; at < whole->len; at += size) {
		size_t n = whole->len - at < size ? whole->len - at : size;

		buf_add(out, "\x16\x03\x01", 3);
		buf_addc(out, (char)(n >> 8));
		buf_addc(out, (char)n);
		buf_add(out, whole->data + at, n);
	}
}

static void a_name_is_found(void **state)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct tls_hello h;

	(void)state;
	real_hello(&b, "api.example.com", true);
	assert_int_equal(tls_hello_read(b.data, b.len, &h), TLS_HELLO_IS);
	assert_true(h.has_name);
	assert_string_equal(h.name, "api.example.com");
	assert_true(h.h2);
	assert_false(h.ech);
	/* What follows it does not matter. */
	buf_adds(&b, "more of the client");
	assert_int_equal(tls_hello_read(b.data, b.len, &h), TLS_HELLO_IS);
}

static void no_name(void **state)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct tls_hello h;

	(void)state;
	real_hello(&b, NULL, false);
	assert_int_equal(tls_hello_read(b.data, b.len, &h), TLS_HELLO_IS);
	assert_false(h.has_name);
	assert_false(h.h2);
	assert_string_equal(h.name, "");
}

static void every_piece_wants_more(void **state)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct tls_hello h;

	(void)state;
	real_hello(&b, "api.example.com", false);
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(tls_hello_read(b.data, i, &h), TLS_HELLO_MORE);
}

static void over_several_records(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 5, 50, 100};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		_cleanup_(buf_free) struct buf b = {0}, cut = {0};
		struct tls_hello h;

		real_hello(&b, "split.example.com", true);
		split(&b, sizes[i], &cut);
		for (size_t n = 0; n < cut.len; n++)
			assert_int_equal(tls_hello_read(cut.data, n, &h), TLS_HELLO_MORE);
		assert_int_equal(tls_hello_read(cut.data, cut.len, &h), TLS_HELLO_IS);
		assert_string_equal(h.name, "split.example.com");
	}
}

static void other_protocols(void **state)
{
	static const char *const others[] = {"SSH-2.0-OpenSSH", "GET / HTTP/1.1\r\n",
					     "\x80\x2e\x01", "\x16\x02\x01", "P"};
	struct tls_hello h;

	(void)state;
	assert_int_equal(tls_hello_read("", 0, &h), TLS_HELLO_MORE);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_int_equal(tls_hello_read(others[i], strlen(others[i]), &h), TLS_HELLO_NOT);
}

/* A hello of these extensions alone. */
static void with_extensions(struct buf *out, const char *ext, size_t n)
{
	size_t body = 2 + 32 + 1 + 4 + 2 + 2 + n;
	char random[32] = "random";

	buf_add(out, "\x16\x03\x01", 3);
	buf_addc(out, (char)((body + 4) >> 8));
	buf_addc(out, (char)(body + 4));
	buf_addc(out, 1);
	buf_addc(out, 0);
	buf_addc(out, (char)(body >> 8));
	buf_addc(out, (char)body);
	buf_add(out, "\x03\x03", 2);
	buf_add(out, random, sizeof(random));
	buf_addc(out, 0);
	buf_add(out, "\x00\x02\x13\x01", 4);
	buf_add(out, "\x01\x00", 2);
	buf_addc(out, (char)(n >> 8));
	buf_addc(out, (char)n);
	buf_add(out, ext, n);
}

static enum tls_hello_kind read_extensions(const char *ext, size_t n, struct tls_hello *h)
{
	_cleanup_(buf_free) struct buf b = {0};

	with_extensions(&b, ext, n);
	return tls_hello_read(b.data, b.len, h);
}

#define SNI_A	  "\x00\x00\x00\x06\x00\x04\x00\x00\x01"
#define EXT(s, h) read_extensions(s, sizeof(s) - 1, h)

static void ambiguous_ones_are_refused(void **state)
{
	struct tls_hello h;

	(void)state;
	assert_int_equal(EXT(SNI_A "a", &h), TLS_HELLO_IS);
	assert_string_equal(h.name, "a");
	/* Two extensions, two names in one, an empty one, a NUL in it, lengths that lie. */
	assert_int_equal(EXT(SNI_A "a" SNI_A "b", &h), TLS_HELLO_BAD);
	assert_int_equal(EXT("\x00\x00\x00\x0a\x00\x08\x00\x00\x01"
			     "a\x00\x00\x01"
			     "b",
			     &h),
			 TLS_HELLO_BAD);
	assert_int_equal(EXT("\x00\x00\x00\x05\x00\x03\x00\x00\x00", &h), TLS_HELLO_BAD);
	assert_int_equal(EXT(SNI_A "\x00", &h), TLS_HELLO_BAD);
	assert_int_equal(EXT("\x00\x00\x00\x06\x00\x05\x00\x00\x01"
			     "a",
			     &h),
			 TLS_HELLO_BAD);
	assert_int_equal(EXT("\x00\x00\x00\x02\x00\x00", &h), TLS_HELLO_BAD);
	assert_int_equal(EXT("\x00\x00\x00\x07\x00\x04\x00\x00\x01"
			     "aX",
			     &h),
			 TLS_HELLO_BAD);
	assert_int_equal(EXT("\x00", &h), TLS_HELLO_BAD);
	assert_int_equal(EXT("\x00\x10\x00\x03\x00\x05\x02", &h), TLS_HELLO_BAD);
}

static void marks(void **state)
{
	struct tls_hello h;

	(void)state;
	assert_int_equal(EXT("\xfe\x0d\x00\x01\x00", &h), TLS_HELLO_IS);
	assert_true(h.ech);
	assert_int_equal(EXT("\x0a\x0a\x00\x00\xda\xda\x00\x01\x00", &h), TLS_HELLO_IS);
	assert_false(h.ech);
	assert_int_equal(EXT("\x00\x2a\x00\x00", &h), TLS_HELLO_IS);
	assert_true(h.early);
}

static void too_large(void **state)
{
	char huge[9] = {0x16, 3, 1, 0x40, 0, 1, 0, 0x7f, (char)0xff};
	char record[5] = {0x16, 3, 1, 0x48, 1}, empty[5] = {0x16, 3, 1, 0, 0};
	char finished[6] = {0x16, 3, 1, 0, 4, 20};
	struct tls_hello h;

	(void)state;
	assert_int_equal(tls_hello_read(huge, sizeof(huge), &h), TLS_HELLO_BAD);
	assert_int_equal(tls_hello_read(record, sizeof(record), &h), TLS_HELLO_BAD);
	assert_int_equal(tls_hello_read(empty, sizeof(empty), &h), TLS_HELLO_BAD);
	assert_int_equal(tls_hello_read(finished, sizeof(finished), &h), TLS_HELLO_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_is_found),
	    cmocka_unit_test(no_name),
	    cmocka_unit_test(every_piece_wants_more),
	    cmocka_unit_test(over_several_records),
	    cmocka_unit_test(other_protocols),
	    cmocka_unit_test(ambiguous_ones_are_refused),
	    cmocka_unit_test(marks),
	    cmocka_unit_test(too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
