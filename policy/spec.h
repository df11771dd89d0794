/*
 * spec - the rules as libnono takes them. Internal to the room.
 */
#ifndef NONO_POLICY_SPEC_H
#define NONO_POLICY_SPEC_H

#include "policy/index.h"
#include "policy/policy.h"

struct policy_spec {
	struct nono_spec spec;
	struct nono_path *paths;
	struct policy_identity *ids; /* of paths */
	size_t n_paths, cap_paths;
	struct nono_mount *mounts;
	size_t n_mounts;
	struct nono_port *ports;
	size_t n_ports;
	char **warnings;
	/* while it is made */
	const struct policy *p;
	bool supervised;
	char *tmp;
	bool cut; /* a folder had more entries than can be spelled out */
};

void spec_warn(struct policy_spec *s, char *text); /* taken over */

/* spec_paths.c: the Landlock rules. */
void spec_add_path(struct policy_spec *s, const char *path, unsigned access);
/* The entry of a folder that was just listed: which one it was is told by dev and ino. */
void spec_add_entry(struct policy_spec *s, const char *path, unsigned access, dev_t dev, ino_t ino);
void spec_paths(struct policy_spec *s);
/* no_exec.c: takes the right to execute from programs with policies of their own. */
void spec_no_exec(struct policy_spec *s);

#endif
