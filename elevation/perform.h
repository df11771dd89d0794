/*
 * What the files that carry out calls share. An errno is a value here: 0 is success.
 */
#ifndef NONO_ELEVATION_PERFORM_H
#define NONO_ELEVATION_PERFORM_H

#include <stddef.h>

#include "common/git_config.h"
#include "elevation/internal.h"

/* "/proc/self/fd/N": the object behind an O_PATH descriptor, whatever its name has become. */
#define FD_PATH_MAX 32
void fd_path(char out[FD_PATH_MAX], int fd);

/* What the name was written as, where it is no name: "." or "..", or the root. */
enum odd_name { NAME_PLAIN = 0, NAME_DOT, NAME_DOT_DOT, NAME_ROOT, NAME_NOTHING };
enum odd_name place_odd(const struct place *p);

/* Errno unless the place can be used as a name in a directory. */
int place_named(const struct place *p);
/* Errno unless the name still names the object that was checked. */
int place_unchanged(const struct place *p);

/* The mode to make something with in parent, umask applied unless a default ACL is in its place. */
mode_t create_mode(const struct call *c, int parent, mode_t mode);
/* Gives back what the broker's own umask took away. */
void mode_restore_fd(int fd, mode_t wanted);
void mode_restore(int parent, const char *name, mode_t wanted);

/* May the directory at from become to? Not where what is in it would be protected there. */
bool directory_may_become(const struct policy *p, const char *from, const char *to);

void perform_open(const struct elevation *e, struct call *c, struct answer *out);
int perform_change(const struct elevation *e, struct call *c);
int perform_meta(struct call *c);
void perform_watch(const struct elevation *e, struct call *c, struct answer *out);

/* ---- interrupt.c: calls in a worker that end when the program is gone ---------------------- */

struct interrupt {
	timer_t timer;
	bool armed;
};
/* From here on every blocking call of this thread fails with EINTR now and then. */
void interrupt_begin(struct interrupt *i);
void interrupt_end(struct interrupt *i);

/* ---- git_check.c --------------------------------------------------------------------------- */

#define GIT_POINTER_MAX (POLICY_PATH_MAX + 16)

struct git_context {
	const struct policy *policy; /* NULL: nothing is known of places */
	const char *dir;	     /* the repository's directory, absolute, clean */
	const char *old;	     /* the configuration in place, NULL if none */
	size_t old_n;
};
/* As git_config_harmless(), and what old says already may stay. Paths count if they lead nowhere
 * that the program can prepare. why: key that is refused, may be NULL. */
bool git_config_check(const struct git_context *ctx, const char *text, size_t n, char *why,
		      size_t why_size);
/* Content of a ".git" file, of commondir or gitdir in dir. name: which of them. */
bool git_pointer_check(const struct policy *p, const char *dir, const char *name, const char *text,
		       size_t n);

/* git_values.c: one setting. key: "section.sub.key", section and key in lower case. */
bool git_value_harmless(const struct git_context *ctx, const struct git_set *all, const char *key,
			const char *value);

/* ---- pointers.c: files that point to a repository ------------------------------------------ */

void pointers_open(const struct elevation *e, const struct call *c, struct answer *out);

/* ---- connect.c, bind.c, connect_inet.c: sockets ---------------------------------------------- */

/* What c->addr names. */
#define ADDRESS_NAME offsetof(struct sockaddr_un, sun_path)
static inline const struct sockaddr_un *address_unix(const struct call *c)
{
	return (const struct sockaddr_un *)&c->addr;
}

static inline bool address_is_path(const struct call *c)
{
	return c->addr.ss_family == AF_UNIX && c->addr_len > ADDRESS_NAME &&
	       address_unix(c)->sun_path[0];
}

static inline bool address_is_abstract(const struct call *c)
{
	return c->addr.ss_family == AF_UNIX && c->addr_len > ADDRESS_NAME &&
	       !address_unix(c)->sun_path[0];
}

static inline bool address_is_inet(const struct call *c)
{
	return c->addr.ss_family == AF_INET || c->addr.ss_family == AF_INET6;
}

/* The program's socket, for the broker to use; -1 with *err. */
int socket_take(const struct elevation *e, const struct call *c, int *err);
int socket_option(int fd, int name); /* of SOL_SOCKET; -1 = none */
bool socket_in_own_network(int fd);
/* bind to the path of c, which was judged. */
int socket_bind_path(const struct elevation *e, struct call *c, int fd);
/* connect, again and again while the call waits; 0 or an errno. */
int connect_patiently(const struct elevation *e, const struct call *c, int fd, const void *addr,
		      socklen_t n);
/* Fill in the verdict. */
enum connect_verdict connect_refuse(struct call *c, const char *rule);
enum connect_verdict connect_allow(struct call *c, const char *source);

/* The policy says who may be reached by IP (else everyone may). */
bool inet_filtered(const struct elevation *e);
enum connect_verdict inet_decide_connect(struct elevation *e, struct call *c);
/* bind to an address, listen. */
enum connect_verdict inet_decide_bind(struct elevation *e, struct call *c);
void inet_bind(const struct elevation *e, struct call *c, struct answer *out);
void listen_perform(const struct elevation *e, struct call *c, struct answer *out);
/* c's connect succeeded, or is on its way. */
void inet_connected(const struct elevation *e, const struct call *c, int fd);

/* ---- connect_abstract.c: c->addr is an abstract name -------------------------------------- */

enum connect_verdict abstract_decide(struct elevation *e, struct call *c);
bool abstract_granted(const struct elevation *e, const struct call *c);
/* The program's descriptor; true, too, if that can't be told. */
bool socket_closes_on_exec(const struct call *c);
void abstract_connect(const struct elevation *e, const struct call *c, int fd, struct answer *out);

/* ---- datagrams.c: unix datagram sockets ----------------------------------------------------- */

/* Is it a stand-in? What follows from that is about its use, not about rights. */
bool datagram_stands_in(const struct elevation *e, int fd);
/* There is something that one could be connected to, now or after a question. */
bool datagram_wanted(const struct elevation *e);
/* socket(AF_UNIX, SOCK_DGRAM), socketpair: whose ends are stand-ins, too. */
void datagram_socket(const struct elevation *e, const struct call *c, struct answer *out);
void datagram_pair(const struct elevation *e, const struct call *c, struct answer *out);
/* May a stand-in have the abstract name of c? */
bool datagram_may_bind(const struct elevation *e, const struct call *c);
/* fd: the program's stand-in, for c->addr, which was judged. */
void datagram_bind(const struct elevation *e, struct call *c, int fd, struct answer *out);
void datagram_connect(const struct elevation *e, const struct call *c, int fd, struct answer *out);
void datagram_send(const struct elevation *e, const struct call *c, int fd, struct answer *out);

/* ---- relays.c: from stand-ins to listeners --------------------------------------------------- */

/* Any thread. 0: *theirs is the new end for the program, the caller's; to, a datagram socket that
 * is connected or has a name and does not block, is the relay's. Else an errno. */
int relays_add(const struct elevation *e, int to, bool named, int *theirs);
/* Another descriptor of the datagram socket behind a stand-in; -1: there is none. */
int relays_socket(const struct elevation *e, int stand_in, bool *named);
/* It has a name by now. */
void relays_named(const struct elevation *e, int stand_in);

/* ---- session_sockets.c: sockets in the session's network --------------------------------------
 */

/* It has one of its own: abstract names there are its own. */
bool session_has_network(const struct elevation *e);
/* Of seqpacket sockets, close-on-exec. Any thread. 0 or an errno. */
int session_pair(const struct elevation *e, int pair[2]);
/* One that does not block; -1 with *err. */
int session_datagram(const struct elevation *e, int *err);

/* ---- sockets_own.c: unix sockets that the session itself made ------------------------------- */

/* A path socket of the broker's making: held open, so that its inode number stays its own. */
void own_add_file(struct own_sockets *o, int fd);
/* The program is about to bind this name itself (the kernel judges it). */
void own_expect_file(struct own_sockets *o, const struct place *p);
bool own_has_file(struct own_sockets *o, const struct place *p);
/* Abstract sockets, found again by the number of the socket. name: without the first NUL. */
void own_add_abstract(struct own_sockets *o, int sock, const char *name, size_t n);
bool own_has_abstract(struct own_sockets *o, const char *name, size_t n);

/* Links are made and moved with it shared; held alone while a path that was just looked at is used
 * again. */
void own_names_shared(struct own_sockets *o);
void own_names_alone(struct own_sockets *o);
void own_names_done(struct own_sockets *o);

#endif
