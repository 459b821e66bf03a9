#include "host/media/webrtc/candidate.h"

#include <string.h>

#include "host/media/webrtc/sdp.h"
#include "lib/error.h"
#include "lib/limits.h"

TbCandidate tb_candidate_check(const char *text)
{
        if (g_str_has_prefix(text, "a="))
                text += 2;
        gsize length = strcspn(text, "\r\n");
        if (text[length + strspn(text + length, "\r\n")] != '\0' || length > 512)
                return TB_CANDIDATE_BAD;
        if (length == 0 || strncmp(text, "end-of-candidates", length) == 0)
                return TB_CANDIDATE_IGNORE;
        g_autofree char *line = g_strndup(text, length);
        if (!g_str_has_prefix(line, "candidate:") || !g_utf8_validate(line, -1, NULL))
                return TB_CANDIDATE_BAD;
        /* foundation component transport priority address port "typ" type … */
        g_auto(GStrv) f = g_strsplit(line + strlen("candidate:"), " ", 64);
        guint component, port, priority;
        if (g_strv_length(f) < 8 || !tb_sdp_is_token(f[0], 1, 32, "+/") ||
            !tb_sdp_number(f[1], 256, &component) || component == 0 ||
            !tb_sdp_number(f[3], G_MAXUINT32, &priority) || !tb_sdp_number(f[5], 65535, &port) ||
            strcmp(f[6], "typ") != 0)
                return TB_CANDIDATE_BAD;
        static const char *const types[] = {"host", "srflx", "prflx", "relay", NULL};
        if (!g_strv_contains(types, f[7]) || !tb_sdp_is_token(f[4], 1, 255, ".:-%_"))
                return TB_CANDIDATE_BAD;
        if (g_ascii_strcasecmp(f[2], "udp") != 0 && g_ascii_strcasecmp(f[2], "tcp") != 0)
                return TB_CANDIDATE_IGNORE; /* a transport of the future */
        if (component != 1)
                return TB_CANDIDATE_IGNORE; /* RTCP of its own: we multiplex */
        return g_hostname_is_ip_address(f[4]) ? TB_CANDIDATE_USE
                                              : TB_CANDIDATE_IGNORE; /* .local, or a name */
}

bool tb_sdpfrag_parse(const char *fragment,
                      bool (*candidate)(const char *line, guint mline, void *data, GError **error),
                      void *data, GError **error)
{
        if (strlen(fragment) > TB_LIMIT_SDP) {
                tb_set_error(error, TB_ERROR_TOO_LARGE, "the fragment is larger than %d bytes", TB_LIMIT_SDP);
                return false;
        }
        g_auto(GStrv) lines = g_strsplit_set(fragment, "\r\n", -1);
        for (char **l = lines; *l; l++) {
                const char *line = *l;
                if (!*line)
                        continue;
                if (!g_ascii_islower(line[0]) || line[1] != '=') {
                        tb_set_error(error, TB_ERROR_INVALID, "the SDP fragment is malformed: \"%.40s\"",
                                     line);
                        return false;
                }
                /* everything is bundled on the first section, whichever one it names */
                if (g_str_has_prefix(line, "a=candidate:") && !candidate(line + 2, 0, data, error))
                        return false;
        }
        return true;
}

/* One value of all lines that begin with `prefix`. */
static bool find_one(const char *const *lines, const char *prefix, char **ret, GError **error)
{
        const char *found = NULL;
        for (; *lines; lines++) {
                if (!g_str_has_prefix(*lines, prefix))
                        continue;
                const char *value = *lines + strlen(prefix);
                if (found && strcmp(found, value) != 0) {
                        tb_set_error(error, TB_ERROR_INVALID,
                                     "the SDP fragment has two of %s; all media share one transport", prefix);
                        return false;
                }
                found = value;
        }
        *ret = g_strdup(found);
        return true;
}

bool tb_sdpfrag_credentials(const char *fragment, char **ret_ufrag, char **ret_pwd, GError **error)
{
        g_auto(GStrv) lines = g_strsplit_set(fragment, "\r\n", -1);
        g_autofree char *ufrag = NULL, *pwd = NULL;
        if (!find_one((const char *const *)lines, "a=ice-ufrag:", &ufrag, error) ||
            !find_one((const char *const *)lines, "a=ice-pwd:", &pwd, error))
                return false;
        if ((ufrag && !tb_sdp_is_token(ufrag, 4, 256, "+/")) ||
            (pwd && !tb_sdp_is_token(pwd, 22, 256, "+/"))) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "the SDP fragment has no usable a=ice-ufrag and a=ice-pwd");
                return false;
        }
        *ret_ufrag = g_steal_pointer(&ufrag);
        *ret_pwd = g_steal_pointer(&pwd);
        return true;
}
