/*
 * manifest - what reading and writing capability manifests share. Internal to the room.
 */
#ifndef NONO_POLICY_MANIFEST_H
#define NONO_POLICY_MANIFEST_H

#define MANIFEST_VERSION "0.1.0"

#endif
