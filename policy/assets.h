/*
 * assets - the built-in groups and profiles, part of the program itself: starting reads and parses
 * no file for them and nobody can put others in their place. policy/bake.c makes them from assets/
 * when nono is built; the installed copies are documentation.
 */
#ifndef NONO_POLICY_ASSETS_H
#define NONO_POLICY_ASSETS_H

#include "common/document.h"

struct asset {
	const char *name;  /* of the profile */
	const char *label; /* in messages */
	const struct doc *root;
};

extern const struct asset asset_profiles[]; /* by name */
extern const size_t asset_n_profiles;
extern const struct asset asset_groups;

const struct asset *asset_profile(const char *name); /* NULL if there is none */

#endif
