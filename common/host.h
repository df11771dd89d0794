/*
 * host - names of hosts, addresses, URLs and paths of requests, each made one spelling, so that
 * rules about them and what is done with them mean the same. Pure; thread-safe.
 */
#ifndef NONO_COMMON_HOST_H
#define NONO_COMMON_HOST_H

#include "common/common.h"

#define NET_NAME_MAX 254 /* with the NUL: RFC 1035 2.3.4 without the trailing dot */

/* A host as rules see it: ASCII letters small, no trailing dot; addresses as inet_ntop(3) writes
 * them, IPv4-mapped IPv6 as IPv4. */
struct net_host {
	char name[NET_NAME_MAX];
	bool is_address;
	int family; /* AF_INET, AF_INET6 of an address */
	unsigned char address[16];
};
/* Refuses what could mean one thing to us and another to a resolver or server: bytes outside of
 * letters, digits, '-', '.', '_'; empty labels; addresses in octal, hexadecimal, short or integer
 * form; zone ids; percent-escapes. Names outside ASCII must come as punycode. Brackets of IPv6 are
 * taken. */
int net_host_parse(const char *s, size_t n, struct net_host *out, struct err *err);
/* "host", "host:port", "[v6]:port"; *port stays if there is none. */
int net_authority_parse(const char *s, size_t n, struct net_host *out, uint16_t *port,
			struct err *err);
/* "scheme://host[:port][/path]"; path points into s. No user info, no fragment. */
struct net_url {
	char scheme[8]; /* "http", "https", "ws", "wss" */
	struct net_host host;
	uint16_t port;	  /* the scheme's if none is written */
	const char *path; /* "/..." or "" */
};
int net_url_parse(const char *s, struct net_url *out, struct err *err);
/* A name as lists write it ("Example.com", "*.example.com", ".example.com", "*"), made canonical.
 */
int net_pattern_parse(const char *s, char out[NET_NAME_MAX], struct err *err);
bool net_pattern_matches(const char *pattern, const char *name);

enum net_address_kind {
	NET_ADDRESS_PUBLIC = 0,
	NET_ADDRESS_LOOPBACK,
	NET_ADDRESS_PRIVATE,	/* RFC 1918, 6598, ULA, benchmark, documentation */
	NET_ADDRESS_LINK_LOCAL, /* 169.254/16, fe80::/10, and the clouds' metadata addresses: never
				 */
	NET_ADDRESS_INVALID,	/* unspecified, multicast, broadcast, reserved: never */
};
/* address: 4 or 16 bytes. Embedded IPv4 (mapped, 6to4, NAT64, Teredo) is looked at as well. */
enum net_address_kind net_address_kind(int family, const void *address);

/* ---- paths of requests ---- */

/* Percent-escapes of unreserved letters decoded once, "." and ".." and "//" resolved, query cut
 * off. -1 if it is ambiguous (escaped '/', '\', NUL, '%', "..;", control characters): such a
 * request is refused where rules are about paths. RFC 3986 6.2.2. */
int net_path_normal(const char *path, size_t n, char *out, size_t size);
bool net_path_matches(const char *glob, const char *path);

#endif
