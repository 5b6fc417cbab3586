// The privacy policy that WHOOP's form asks for, true of an installation as it comes.

const parts = (origin) => ({
  "Who runs this": `
    ${origin} is a private installation of Circadia, software that keeps a person's WHOOP data in a database of their
    own. It is run by its owner, for the people whom the owner has let in. Contact: [your name and e-mail address].`,
  "What is collected, and from where": `
    Only what you allow on WHOOP's consent page: recovery, sleep, cycles with strain and energy, workouts, your
    profile (name, e-mail address) and body measurements (height, weight, highest heart rate). If you import your
    WHOOP data export, also what is in that file, such as your journal. These are data about health; the legal basis
    is your consent, which you can withdraw at any time.`,
  "What it is used for": `
    To show your data to you, as days, trends and comparisons, and to whomever you share them with. They are not
    sold, not used for advertising, not used to train models, and nothing is decided about you with them.`,
  "Who can see it": `
    You; those you have shared with, until you end the share; and the owner, who administers the installation.
    Nobody else receives it. Sign-ins, shares, exports and erasures are noted in a log that you can read.`,
  "Where it is kept, and how it is protected": `
    In a PostgreSQL database run by the owner at [country or provider]. What WHOOP gave us to reach your data is
    encrypted at rest, sessions are kept only as hashes, and connections are encrypted in transit.`,
  "How long": `
    Until you erase it. Disconnecting ends the access at WHOOP and keeps what is here. Erasing removes everything
    about you and shows, table by table, that it is gone; what remains is the note that it happened.`,
  "Your rights": `
    You can read, export (as JSON and CSV) and erase all of it yourself, under Data. You can also ask the owner, and
    complain to the data protection authority of your country.`,
  Cookies: `
    One cookie keeps you signed in. There is no tracking, and no page asks another company's server for anything.`,
  "Not medical": `
    What is shown is not a medical device and no medical advice. This installation is not affiliated with WHOOP.`,
});

const paragraph = (words) => words.trim().replace(/\s+/g, " ");

/** The policy as plain text, a line for a paragraph. */
export const policy = (origin) => `Privacy policy

${Object.entries(parts(origin))
  .map(([title, words]) => `${title}\n${paragraph(words)}`)
  .join("\n\n")}

Last changed: ${new Date().toISOString().slice(0, 10)}
`;
