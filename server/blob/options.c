/* What the configuration says of clips, let go of. */
#include <string.h>

#include "server/blob/blob.h"

static void wipe(char *secret)
{
        if (secret)
                explicit_bzero(secret, strlen(secret));
        g_free(secret);
}

void tb_blob_options_clear(TbBlobOptions *o)
{
        g_free(o->folder);
        g_free(o->url);
        g_free(o->public_url);
        g_free(o->bucket);
        g_free(o->region);
        g_free(o->access_key);
        wipe(o->secret_key);
        wipe(o->session_token);
        g_free(o->container);
        g_free(o->account);
        wipe(o->account_key);
}
