#pragma once
/* A lease from inside: lease.c is its life, lease_store.c its file. */
#include <openssl/sha.h>

#include "host/core/private.h"

struct TbLeaseState {
        TbDevice *device; /* borrowed */
        bool held;
        guint8 hash[SHA256_DIGEST_LENGTH]; /* of the secret */
        bool of_token; /* the holder is the user whose token took it; else who shows the secret */
        char *holder, *note;
        gint64 ttl_ms, ends_ms; /* ends_ms: boot clock */
        gint64 saved_ms;        /* boot clock: ends_ms as the state file knows it */
        json_t *unknown;        /* members of its entry that another version wrote; owned; NULL: none */
        guint timer;            /* the next warning or the end */
        bool warned;
        GQueue waiters; /* of owned TbLeaseWaiter */
};

void tb_lease_arm(TbLeaseState *lease); /* for the next warning or the end */
/* When it ends by the wall clock as it goes now: for people, and for the file. */
gint64 tb_lease_wall_end_ms(const TbLeaseState *lease);
