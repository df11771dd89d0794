/* Words and checks of what broker and proxy send each other. */
#include "network/network.h"

static bool ends(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL;
}

bool net_msg_valid(const struct net_msg *m, size_t n)
{
	const struct net_event *e = &m->event;

	if (n != sizeof(*m))
		return false;
	if (e->mode > NET_MODE_CALLBACK || e->decision > NET_APPROVE_ERROR)
		return false;
	return ends(e->host, sizeof(e->host)) && ends(e->address, sizeof(e->address)) &&
	       ends(e->method, sizeof(e->method)) && ends(e->path, sizeof(e->path)) &&
	       ends(e->route, sizeof(e->route)) && ends(e->rule, sizeof(e->rule)) &&
	       ends(e->reason, sizeof(e->reason)) && ends(e->category, sizeof(e->category)) &&
	       ends(e->auth_mechanism, sizeof(e->auth_mechanism)) &&
	       ends(e->auth_outcome, sizeof(e->auth_outcome)) &&
	       ends(e->injection, sizeof(e->injection)) && ends(m->text, sizeof(m->text));
}

const char *net_mode_name(enum net_mode m)
{
	static const char *const names[] = {
	    [NET_MODE_CONNECT] = "connect",   [NET_MODE_INTERCEPT] = "connect_intercept",
	    [NET_MODE_REVERSE] = "reverse",   [NET_MODE_FORWARD] = "forward",
	    [NET_MODE_CALLBACK] = "callback",
	};

	return names[m];
}

const char *net_decision_name(enum net_decision d)
{
	static const char *const names[] = {
	    [NET_ALLOWED] = "allow",
	    [NET_DENIED] = "deny",
	    [NET_APPROVE_REQUESTED] = "approve_requested",
	    [NET_APPROVE_GRANTED] = "approve_granted",
	    [NET_APPROVE_DENIED] = "approve_denied",
	    [NET_APPROVE_TIMEOUT] = "approve_timeout",
	    [NET_APPROVE_ERROR] = "approve_error",
	};

	return names[d];
}
