/*
 * assets - the built-in groups and profiles, part of the program itself: starting reads no file
 * for them and nobody can put others in their place. The installed copies are documentation.
 */
#ifndef NONO_POLICY_ASSETS_H
#define NONO_POLICY_ASSETS_H

#include <stddef.h>

struct asset {
	const char *name; /* of the profile */
	const char *text;
	const char *end;
};

extern const struct asset asset_profiles[];
extern const size_t asset_n_profiles;
extern const struct asset asset_groups;

const struct asset *asset_profile(const char *name); /* NULL if there is none */

#endif
