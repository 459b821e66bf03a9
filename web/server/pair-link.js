// How a phone comes to this session: the code, the link, which of this machine's addresses they name, and what to know
// before it is scanned.

import { field, fill, h, notice } from '../app/dom.js';
import { linkBox, showCode } from './common.js';

/** {code, words}: beside each other. */
export function phoneLink({ session, root, api, toast }) {
  const short = `m/${encodeURIComponent(session.sessionId)}#token=${encodeURIComponent(session.token)}`;
  const phoneUrls = (session.phoneUrls ?? [session.phoneUrl ?? short]).map((u) => new URL(u, root).href);
  const code = h('img', { class: 'qr', alt: 'QR code of the phone’s link' });
  const reach = h('div', { role: 'status' });
  const linkLine = h('div');
  const address = h(
    'select',
    { class: 'input', onchange: () => showLink(address.value) },
    phoneUrls.map((u) => h('option', { value: u }, new URL(u).host)),
  );
  function showLink(url) {
    const base = url.slice(0, -(short.length + 1));
    showCode(code, api, { ...session, toast, query: session.phoneUrls ? { base } : {} });
    fill(reach, reachWords(url));
    fill(linkLine, linkBox('Phone link', url, toast));
  }
  showLink(phoneUrls[0]);
  return {
    code: h(
      'div',
      { class: 'stack' },
      code,
      phoneUrls.length > 1 ? field('Address that the phone reaches', address) : null,
      session.authorityUrl ? trust(new URL(session.authorityUrl, root).href, toast) : null,
    ),
    words: [reach, h('p', {}, 'Scan the code with the phone, or open this link on it:'), linkLine],
  };
}

/** Before it is scanned: whether a phone can reach that address, and whether its sensors will work there. */
function reachWords(phoneUrl) {
  const { hostname, protocol } = new URL(phoneUrl);
  if (/^(localhost|127\.|\[::1\])/.test(hostname))
    return notice(
      'warn',
      `This link is for ${hostname}, which on a phone means the phone itself. Open this page by an address of this computer that the phone can reach, or set url: in the server’s configuration.`,
    );
  if (protocol === 'http:')
    return notice(
      'warn',
      'This page came by plain http. Phones give motion, camera and microphone to https pages only: only touches will work. docs/PHONE.md says how to switch TLS on.',
    );
  return null;
}

/** The server's certificate is its own: how a phone comes to trust it, once. */
const trust = (url, toast) =>
  h(
    'details',
    { class: 'small' },
    h('summary', {}, 'The phone warns of the certificate?'),
    h(
      'p',
      {},
      'This server made its certificate itself. Open this address on the phone once, accept the warning, and install what is downloaded:',
    ),
    linkBox('Certificate of the authority', url, toast),
    h(
      'p',
      {},
      'iPhone: Settings, Profile downloaded, Install; then General, About, Certificate Trust Settings, switch it on. Android: Settings, Security, Install a certificate, CA certificate. It counts for private addresses and this machine alone.',
    ),
  );
