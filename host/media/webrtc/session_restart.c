/*
 * ICE begins anew (RFC 8445 §9): the viewer has another network. webrtcbin 1.22 knows no restart, libnice below it does:
 * DTLS, SRTP and SCTP stay as they are, and packets go the old way until a new pair is chosen.
 */
#include <nice/agent.h>

#include "host/media/webrtc/session_private.h"
#include "lib/log.h"

#define COMPONENT 1 /* RTP; RTCP and data share it */
#define STREAMS 16  /* more than webrtcbin makes: with max-bundle it is one */

guint tb_session_stream(gpointer agent)
{
        for (guint id = 1; id <= STREAMS; id++) {
                g_autofree char *ufrag = NULL, *pwd = NULL;
                if (nice_agent_get_local_credentials(agent, id, &ufrag, &pwd))
                        return id;
        }
        return 0;
}

/* The candidate by which packets go now, or the first of ours; NULL: none. One, although there may be more: players
 * (npm's whip-whep) put a second one into their description as no SDP may have it. The viewer's checks, and ours of its
 * candidates, find the others. The caller owns it. */
static char *best_candidate(TbSession *session, NiceAgent *agent, guint stream)
{
        NiceCandidate *local = NULL, *remote = NULL;
        if (nice_agent_get_selected_pair(agent, stream, COMPONENT, &local, &remote) &&
            local->type != NICE_CANDIDATE_TYPE_PEER_REFLEXIVE)
                return nice_agent_generate_local_candidate_sdp(agent, local); /* "a=candidate:…" */
        const char *first = session->candidates->len > 0 ? g_ptr_array_index(session->candidates, 0) : NULL;
        return first ? g_strdup_printf("a=%s", first) : NULL;
}

static char *restart(TbSession *session, const char *ufrag, const char *pwd)
{
        g_autoptr(GObject) ice = NULL, agent = NULL;
        g_object_get(session->webrtc, "ice-agent", &ice, NULL);
        g_object_get(ice, "agent", &agent, NULL);
        guint stream = agent ? tb_session_stream(agent) : 0;
        if (!stream)
                return NULL;
        g_autofree char *candidate = best_candidate(session, NICE_AGENT(agent), stream);
        g_autofree char *our_ufrag = NULL, *our_pwd = NULL;
        if (!nice_agent_restart_stream(NICE_AGENT(agent), stream) ||
            !nice_agent_set_remote_credentials(NICE_AGENT(agent), stream, ufrag, pwd) ||
            !nice_agent_get_local_credentials(NICE_AGENT(agent), stream, &our_ufrag, &our_pwd))
                return NULL;
        const char *mid = session->offer.sections[session->offer.tagged].mid;
        g_autofree char *section =
                mid ? g_strdup_printf("m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:%s\r\n", mid) : g_strdup("");
        return g_strdup_printf("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n%s%s%s", our_ufrag, our_pwd, section,
                               candidate ? candidate : "", candidate ? "\r\n" : "");
}

void tb_session_restart(TbSession *session, const char *credentials)
{
        g_auto(GStrv) parts = g_strsplit(credentials, " ", 3);
        g_autofree char *fragment =
                session->webrtc && g_strv_length(parts) == 2 ? restart(session, parts[0], parts[1]) : NULL;
        tb_log(TB_LOG_INFO, TB_F("device", session->device, "peer", session->label), "ICE of the viewer %s",
               fragment ? "begins anew" : "cannot be restarted");
        session->callbacks->restarted(session, fragment ? fragment : "", session->data);
}
