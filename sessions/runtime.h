/*
 * runtime - what a session leaves on disk while it lives: sockets, token, temporary directory.
 */
#ifndef NONO_SESSIONS_RUNTIME_H
#define NONO_SESSIONS_RUNTIME_H

#include "common/common.h"
#include "sessions/sessions.h"

#define TOKEN_LEN 64 /* hex digits */

struct runtime {
	char *dir;	      /* <runtime>/ID, 0700 */
	char *tmp;	      /* /tmp/nono-UID-ID, 0700: the agent's own */
	char *request_socket; /* dir/request.sock; elevation makes it */
	char *tool_socket;    /* dir/tools.sock, and what else belongs to the tool sandbox: */
	char *shim_dir;	      /* dir/shims */
	char *tool_tmp;	      /* tmp.tools: temporary directories of tools */
	char *cap_file;	      /* dir/cap.json, what NONO_CAP_FILE names */
	char *ca_file;	      /* dir/ca.pem, runtime_make_ca() */
	char token[TOKEN_LEN + 1];
	int listen_fd; /* control.sock, listening, non-blocking */
	int cap_fd;    /* of cap_file, empty at first */
	int tmp_fd;    /* of tmp, locked as long as the session lives */
};

/* Everything or nothing. */
int runtime_create(const char *id, struct runtime *out, struct err *err);
/* The file that the network proxy writes authorities to, empty. */
int runtime_make_ca(const struct runtime *r, struct err *err);
/* Frees the strings and closes the socket; the files stay. */
void runtime_free(struct runtime *r);
/* Removes the files; paths may be NULL. Safe to repeat. */
void runtime_remove(const char *dir, const char *tmp);

/* Temporary directories of this user whose sessions died without removing them, whatever state
 * directory those had: no one holds their lock. */
void runtime_sweep_tmp(void);

/* The same file for a program that confines itself (nono wrap): named after the caller, removed by
 * whoever makes the next one when the program is gone. A descriptor to write it by; its path in
 * *path, caller frees. -1 with err. */
int runtime_wrap_cap_file(char **path, struct err *err);
/* And the one that nono proxy has its authorities written to. */
int runtime_proxy_ca_file(char **path, struct err *err);

/* The temporary directory that a session of this id has. Caller frees. */
char *runtime_tmp_path(const char *id);
void runtime_new_id(char id[SESSION_ID_LEN + 1]);
bool runtime_id_valid(const char *id);

/* Removes path and everything below; links are removed, never followed; any depth with few
 * descriptors. -1 if something is left. */
int remove_tree(const char *path);

/* Connects to dir/name, whatever the length of dir (unix(7) allows 108 bytes). -1 with errno. */
int socket_connect_at(const char *dir, const char *name);

#endif
