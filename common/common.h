/*
 * common - the few helpers every room needs: errors as values, growing buffers,
 * path algebra, clocks, bounded I/O, descriptor passing, text made printable.
 *
 * Nothing here knows what a session or a sandbox is. Unless a comment says
 * otherwise functions return 0 on success and -1 on failure with *err filled in,
 * are thread-safe, and never call exit().
 */
#ifndef NONO_COMMON_H
#define NONO_COMMON_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define NONO_VERSION "0.1.0"

/* ---- attributes -------------------------------------------------------- */

#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_       __attribute__((unused))
#define _must_check_   __attribute__((warn_unused_result))
#define _cleanup_(f)   __attribute__((cleanup(f)))
#define ARRAY_LEN(a)   (sizeof(a) / sizeof((a)[0]))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}
static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}
#define _cleanup_free_	 _cleanup_(cleanup_free)
#define _cleanup_close_	 _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)

/* Hands the value out and leaves the "empty" value behind, so that a _cleanup_ does nothing. */
#define STEAL_PTR(p)                        \
	({                                  \
		__typeof__(p) steal_ = (p); \
		(p) = NULL;                 \
		steal_;                     \
	})
#define STEAL_FD(fd)               \
	({                         \
		int steal_ = (fd); \
		(fd) = -1;         \
		steal_;            \
	})

/* ---- errors ------------------------------------------------------------ */

/* Which exit code a command ends with when this error reaches main(). */
/* Exit codes. Interrupted: somebody did not want it any more (SIGINT). */
enum err_class { ERR_FAILURE = 1, ERR_USAGE = 2, ERR_INTERRUPTED = 130 };

/* One failure: what failed, on what, what to do. No trailing newline. */
struct err {
	int code; /* errno value, 0 when none applies */
	enum err_class cls;
	char msg[768];
};

/* All return -1 so that "return err_set(...)" reads well. err may be NULL. */
int err_set(struct err *err, const char *fmt, ...) _printf_(2, 3);
int err_usage(struct err *err, const char *fmt, ...) _printf_(2, 3);
/* Appends ": strerror(code)". */
int err_errno(struct err *err, int code, const char *fmt, ...) _printf_(3, 4);
/* Puts "context: " in front of what is there already. */
int err_prefix(struct err *err, const char *fmt, ...) _printf_(2, 3);

/* ---- memory: these abort on exhaustion, for set-up code only ------------- */

void *xcalloc(size_t n, size_t size);
void *xrealloc_array(void *p, size_t n, size_t size); /* overflow-checked */
char *xstrdup(const char *s);
/* NULL-terminated arrays of strings (strv.c); NULL is an empty one. A copy is never NULL. */
size_t strv_count(char *const *v);
char **strv_copy(char *const *v);
void strv_free(char **v);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) _printf_(1, 2);

/* ---- growing byte buffer ----------------------------------------------- */

struct buf {
	char *data; /* NUL-terminated after every buf_* call that grows it */
	size_t len, cap;
};
void buf_free(struct buf *b); /* also right for _cleanup_(buf_free) */
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) _printf_(2, 3);
void buf_consume(struct buf *b, size_t n); /* drops n bytes from the front */
static inline void buf_clear(struct buf *b)
{
	b->len = 0;
}
/* "..." with JSON escapes; bytes that are not UTF-8 become U+FFFD. */
void buf_add_json_str(struct buf *b, const char *s, size_t n);
/* ["...",...]; v ends in NULL, or is it. */
void buf_add_json_list(struct buf *b, char *const *v);
/* One word for a shell: quoted if it must be. */
void buf_add_word(struct buf *b, const char *s);

/* ---- strings, paths ---------------------------------------------------- */

bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* Whole string as a number inside [min,max], no sign games, no blanks. */
int str_to_long(const char *s, long min, long max, long *out);
/* Copies with truncation, always terminates; true if everything fitted. */
bool str_copy(char *dst, size_t size, const char *src);

/* Edits that make one word of the other: change, insert, leave out, swap neighbours. Words of more
 * than 64 bytes are infinitely far (SIZE_MAX). */
size_t word_distance(const char *a, const char *b);
/* The word of words (NULL-terminated) that word was probably meant to be, NULL if none is near. */
const char *word_nearest(const char *word, const char *const *words);

/* True if path is dir or lies below it, by whole components ("/a/b" is not under "/a/bc"). */
bool path_under(const char *dir, const char *path);
/* Lexical: collapses "//", ".", ".." (".." at the root stays there). Needs an absolute path;
 * dst of size bytes. Returns -1 if it does not fit or is not absolute. */
int path_clean(char *dst, size_t size, const char *path);
/* dst = dir "/" name, or name alone if it is absolute. -1 if it does not fit. */
int path_join(char *dst, size_t size, const char *dir, const char *name);
/* Canonical absolute path (realpath) of an existing file; caller frees. */
char *path_real(const char *path, struct err *err);
const char *path_base(const char *path); /* what follows the last slash */

/* Directories of the product, made absolute, not created. Caller frees.
 * XDG variables that are not absolute are ignored. */
char *dir_home(void);	 /* $HOME if absolute, else the password entry */
char *dir_config(void);	 /* $XDG_CONFIG_HOME/nono */
char *dir_state(void);	 /* $XDG_STATE_HOME/nono */
char *dir_runtime(void); /* $XDG_RUNTIME_DIR/nono, else /tmp/nono-UID */
/* Creates dir (and parents) 0700 and checks: a directory, not a link, ours. One that was open to
 * others is closed to them, which is said on standard error (once: then it is closed). */
int dir_private(const char *dir, struct err *err);

/* Writes s so that nothing in it can act on a terminal or mislead a reader: control
 * characters become ^X or \xHH, bidi and zero-width controls <U+XXXX>, bytes that are not UTF-8
 * \xHH. At most size-1 bytes; cut text ends in "…". Returns dst. */
char *text_printable(char *dst, size_t size, const char *s, size_t n);
/* The same JSON text with what could act on a terminal or mislead a reader escaped. */
void json_safe(struct buf *out, const char *text, size_t n);
/* Decodes one UTF-8 sequence of at most n bytes. Returns its length, 0 if invalid or cut. */
size_t utf8_decode(const char *s, size_t n, uint32_t *cp);
size_t utf8_encode(uint32_t cp, char out[4]);

/* ---- time -------------------------------------------------------------- */

uint64_t clock_mono_ns(void);
uint64_t clock_real_ns(void);
#define TIME_STR_MAX 48
/* RFC 3339 with nanoseconds and the local offset, as in "2026-07-01T10:00:00.123456789+02:00". */
void time_rfc3339(char out[TIME_STR_MAX], uint64_t real_ns);
/* One unit: 30s, 5m, 2h, 3d. */
void time_short_age(char *out, size_t size, uint64_t seconds);

/* ---- I/O --------------------------------------------------------------- */

/* Whole file, at most max bytes (more is an error); caller frees; *len may be NULL. */
char *file_read(const char *path, size_t max, size_t *len, struct err *err);
/* temp file in the same directory, fsync, rename; never follows a link at path. */
int file_write_atomic(const char *path, mode_t mode, const void *data, size_t n, struct err *err);
/* All n bytes, EINTR-safe; -1 with errno. read_full returns fewer only at the end of file. */
ssize_t read_full(int fd, void *p, size_t n);
int write_full(int fd, const void *p, size_t n);
int fd_set_nonblock(int fd, bool on);
/* flock(2), exclusive, until fd is closed. Who may read a file may hold its lock for ever: waits
 * two seconds at most. what is for the message. */
int fd_lock(int fd, const char *what, struct err *err);
int fd_set_cloexec(int fd, bool on);
/* Sends n bytes (n >= 1) with one descriptor over a unix socket; fd may be -1. -1 with errno. */
int fd_send(int sock, const void *p, size_t n, int fd);
/* Receives at most n bytes and at most one descriptor (close-on-exec; *fd = -1 if none).
 * Bytes received, 0 at the end, -1 with errno. */
ssize_t fd_recv(int sock, void *p, size_t n, int *fd);
/* The same with up to FDS_MAX descriptors, as sendmsg(2) and recvmsg(2) but for EINTR, MSG_NOSIGNAL
 * and close-on-exec. What comes beyond max is closed. */
#define FDS_MAX 16
struct iovec;
struct cmsghdr;
ssize_t fds_send(int sock, const struct iovec *v, size_t n_v, const int *fds, size_t n_fds,
		 int flags);
ssize_t fds_recv(int sock, const struct iovec *v, size_t n_v, int *fds, size_t max, size_t *n_fds,
		 int flags);
/* Of one control message: how many. */
size_t fds_take(const struct cmsghdr *c, int *fds, size_t max);

/* Random bytes from the kernel; hex of them. out has 2*bytes+1 chars. Aborts if the kernel can't.
 */
void random_hex(char *out, size_t bytes);

/* Field 22 of /proc/PID/stat (clock ticks since boot), 0 if there is no such process, or one that
 * has ended and waits to be waited for. */
uint64_t proc_start_time(pid_t pid);

#endif
