#pragma once
/* What target.c (which one), there.c (HTTP) and each kind share. */
#include <libsoup/soup.h>

#include "host/uplink/target.h"

typedef enum TbUplinkKind { TB_UPLINK_FOLDER, TB_UPLINK_SERVER, TB_UPLINK_S3, TB_UPLINK_AZURE } TbUplinkKind;

struct TbUplinkTarget {
        TbUplinkKind kind;
        json_t *said; /* owned: the configuration */
        char *key;    /* owned; wiped */
        char *token;  /* owned; of a session of S3; NULL: none */
        char *words;  /* owned: "the bucket clips" */
        char *base;   /* owned: of addresses there, without a slash at the end; NULL: a folder */
        guint kbps;
        SoupSession *session; /* ref; made with the first request */
        bool made;            /* the container is there */
};

/* One request. `body` (nullable) of `size` bytes; `headers`: "Name: value", ended by NULL. *ret_text (nullable): of the answer, 64 KB at
 * most; *ret_etag (nullable). The caller frees both. False for all but 2xx, with *ret_status (0: no answer). */
bool tb_uplink_ask(TbUplinkTarget *target, const TbUplinkClip *clip, const char *method, const char *url,
                   const char *const *headers, GInputStream *body, gint64 size, guint *ret_status,
                   char **ret_text, char **ret_etag, GError **error);
/* "Content-Type" of a clip's file. Static. */
const char *tb_uplink_type_of(const char *file);

bool tb_uplink_to_folder(TbUplinkTarget *target, TbUplinkClip *clip, const char *file, GError **error);
bool tb_uplink_to_s3(TbUplinkTarget *target, TbUplinkClip *clip, const char *file, GError **error);
bool tb_uplink_to_azure(TbUplinkTarget *target, TbUplinkClip *clip, const char *file, GError **error);
bool tb_uplink_to_server(TbUplinkTarget *target, TbUplinkClip *clip, const char *file, GError **error);
