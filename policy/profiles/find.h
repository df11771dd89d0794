/*
 * profile_find - which file, or which built-in profile, a word means. Internal.
 */
#ifndef NONO_POLICY_PROFILE_FIND_H
#define NONO_POLICY_PROFILE_FIND_H

#include "policy/profile.h"

bool find_is_pack(const char *what); /* "ns/pack", "ns/pack@1.0" */
bool find_is_path(const char *what);
/* Absolute and clean; "~/" is the home. from: the file that extends it, NULL for the command line,
 * where a path may be relative to the current directory. */
int find_path(const char *what, const char *from, char *out, size_t size, struct err *err);
/* The user's files of that name: one a syntax, JSON first. */
void find_user_files(const char *name, struct list *out);
/* Sets the error for a name that nothing has, with the nearest one; -1. */
int find_none(const char *what, const char *from, struct err *err);

#endif
