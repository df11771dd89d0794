/*
 * What kind of address it is. RFC 6890 and IANA's registries of special addresses; the clouds'
 * metadata services.
 */
#include <arpa/inet.h>

#include "common/host.h"

struct block {
	const char *net;
	unsigned bits;
	enum net_address_kind kind;
};

/* The first that fits decides. */
static const struct block v4[] = {
    {"0.0.0.0", 8, NET_ADDRESS_INVALID},
    {"127.0.0.0", 8, NET_ADDRESS_LOOPBACK},
    {"169.254.0.0", 16, NET_ADDRESS_LINK_LOCAL},
    {"100.100.100.200", 32, NET_ADDRESS_LINK_LOCAL}, /* Alibaba's metadata */
    {"168.63.129.16", 32, NET_ADDRESS_LINK_LOCAL},   /* Azure's host */
    {"192.0.0.192", 32, NET_ADDRESS_LINK_LOCAL},     /* Oracle's metadata */
    {"10.0.0.0", 8, NET_ADDRESS_PRIVATE},
    {"172.16.0.0", 12, NET_ADDRESS_PRIVATE},
    {"192.168.0.0", 16, NET_ADDRESS_PRIVATE},
    {"100.64.0.0", 10, NET_ADDRESS_PRIVATE},
    {"192.0.0.0", 24, NET_ADDRESS_PRIVATE},
    {"192.0.2.0", 24, NET_ADDRESS_PRIVATE},
    {"198.18.0.0", 15, NET_ADDRESS_PRIVATE},
    {"198.51.100.0", 24, NET_ADDRESS_PRIVATE},
    {"203.0.113.0", 24, NET_ADDRESS_PRIVATE},
    {"224.0.0.0", 3, NET_ADDRESS_INVALID}, /* multicast, reserved, broadcast */
};

static const struct block v6[] = {
    {"::1", 128, NET_ADDRESS_LOOPBACK},
    {"::", 96, NET_ADDRESS_INVALID}, /* unspecified, IPv4-compatible */
    {"fe80::", 10, NET_ADDRESS_LINK_LOCAL},
    {"fd00:ec2::254", 128, NET_ADDRESS_LINK_LOCAL}, /* Amazon's metadata */
    {"fd20:ce::254", 128, NET_ADDRESS_LINK_LOCAL},  /* Google's metadata */
    {"fec0::", 10, NET_ADDRESS_PRIVATE},
    {"fc00::", 7, NET_ADDRESS_PRIVATE},
    {"2001:db8::", 32, NET_ADDRESS_PRIVATE},
    {"100::", 64, NET_ADDRESS_INVALID},
    {"ff00::", 8, NET_ADDRESS_INVALID},
};

/* Where an IPv4 address lies in an IPv6 one: what translates it would reach that. */
static const struct {
	const char *net;
	unsigned bits, at;
	bool inverted;
} embedded[] = {
    {"::ffff:0:0", 96, 12, false},   /* mapped */
    {"::ffff:0:0:0", 96, 12, false}, /* SIIT */
    {"64:ff9b::", 96, 12, false},    /* NAT64 */
    {"64:ff9b:1::", 48, 12, false},  /* NAT64, local */
    {"2002::", 16, 2, false},	     /* 6to4 */
    {"2001::", 32, 12, true},	     /* Teredo: the client */
};

static bool in_block(const unsigned char *a, const unsigned char *net, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, net, whole) != 0)
		return false;
	return !rest || ((a[whole] ^ net[whole]) >> (8 - rest)) == 0;
}

static enum net_address_kind look_up(const struct block *b, size_t n, int family,
				     const unsigned char *a)
{
	unsigned char net[16];

	for (size_t i = 0; i < n; i++)
		if (inet_pton(family, b[i].net, net) == 1 && in_block(a, net, b[i].bits))
			return b[i].kind;
	return NET_ADDRESS_PUBLIC;
}

enum net_address_kind net_address_kind(int family, const void *address)
{
	const unsigned char *a = address;
	unsigned char net[16], inner[4];

	if (family == AF_INET)
		return look_up(v4, ARRAY_LEN(v4), AF_INET, a);
	if (family != AF_INET6)
		return NET_ADDRESS_INVALID;
	for (size_t i = 0; i < ARRAY_LEN(embedded); i++) {
		if (inet_pton(AF_INET6, embedded[i].net, net) != 1 ||
		    !in_block(a, net, embedded[i].bits))
			continue;
		for (size_t k = 0; k < sizeof(inner); k++)
			inner[k] = a[embedded[i].at + k] ^ (embedded[i].inverted ? 0xff : 0);
		return look_up(v4, ARRAY_LEN(v4), AF_INET, inner);
	}
	return look_up(v6, ARRAY_LEN(v6), AF_INET6, a);
}
