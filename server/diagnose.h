#pragma once
/*
 * What the server knows of the networks between it, a caller and a host, in words: what stands in the way of a picture
 * peer to peer, and what to open. Pure; the caller's browser adds what only it can try (web/server/diagnose.js).
 */
#include <jansson.h>
#include <stdbool.h>

#include "lib/ice.h"

typedef struct TbDiagnosis {
        const char *address; /* of the caller, as it is seen here; borrowed, as all of this */
        bool forwarded;      /* a proxy of ours says so */
        bool secure;         /* it came by TLS, to us or to that proxy */
        bool own_tls;        /* we speak TLS ourselves */
        gint64 cert_ends_ms; /* since 1970; 0: there is none of ours */
        bool cert_private;   /* signed by nobody whom systems trust */
        const TbIceConfig *ice;
        const char *device; /* "lab-1/board"; NULL: none was asked about */
        json_t *host;  /* {"name","online","protocol","version"?} of it; NULL: no such host is connected */
        gint64 now_ms; /* since 1970 */
} TbDiagnosis;

/* {"you","server","stun","turn","device"?,"findings":[{"about","level":"good"|"warn"|"bad","text","open"?}]}; the
 * caller owns the reference. */
json_t *tb_diagnosis_json(const TbDiagnosis *of);
