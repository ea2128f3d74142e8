/**
 * Names and places of the sample people. Each name stands beside the Latin letters its owner has in addresses:
 * `native=latin`, or the name alone where it is in Latin letters already (marks and signs fall away in addresses).
 */
export interface NamePool {
  /** ISO 639-1, for preferredLanguage. */
  readonly language: string;
  readonly given: readonly PersonName[];
  readonly family: readonly PersonName[];
  /** Family name first in the display name. */
  readonly familyFirst: boolean;
  /** How likely somebody comes out of this pool, relative to the others. */
  readonly weight: number;
}

export interface PersonName {
  readonly native: string;
  /** Lower-case ASCII letters, digits and hyphens. */
  readonly address: string;
}

/** Letters that do not fall apart into a base letter and a mark. */
const letters: Readonly<Record<string, string>> = {
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ı: 'i',
  þ: 'th',
  ð: 'd',
  ə: 'e',
};

function nameOf(text: string): PersonName {
  const [native = '', latin = native] = text.split('=');
  const address = latin
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{Mark}/gu, '')
    .replace(/[^\x20-\x7f]/gu, (letter) => letters[letter] ?? '')
    .replace(/[^a-z0-9-]/g, '');
  return { native, address };
}

const pool = (language: string, weight: number, given: string, family: string, familyFirst = false): NamePool => ({
  language,
  weight,
  given: given.split(',').map(nameOf),
  family: family.split(',').map(nameOf),
  familyFirst,
});

export const namePools: readonly NamePool[] = [
  pool(
    'en',
    30,
    'Olivia,Amelia,Grace,Mary-Kate,Jo,Charlotte,Harper,Noah,James,William,Henry,Oscar,Theodore,DeShawn,Siobhán,Eoghan,Rhys,Aoife',
    "Smith,Jones,Taylor,O'Brien,O’Sullivan,MacDonald,Smith-Jones,Van Dyke,St. John,Fitzgerald,Nguyen-Clarke,Brown,Wilson,Ó Súilleabháin,D'Arcy,Young,Baker,Li",
  ),
  pool(
    'de',
    8,
    'Jürgen,Käthe,Günther,Anneliese,Björn,Änne,Wolfgang,Hans-Peter,Marie-Luise,Sören,Lena,Felix',
    'Müller,Schröder,Groß,Weiß,von der Leyen,Müller-Lüdenscheidt,Jäger,Köhler,zu Guttenberg,Böhm,Fuchs,Strauß',
  ),
  pool(
    'fr',
    6,
    'François,Zoë,Jean-Luc,Hélène,Anaïs,Noël,Gaëlle,Théo,Chloé,Benoît,Éloïse,Maël',
    "Lefèvre,d'Estaing,Béranger,L'Hôpital,Garçon,de La Fontaine,Côté,Dupré,Châtelain,Saint-Exupéry,Lœuillet,N'Diaye",
  ),
  pool(
    'es',
    7,
    'José María,Íñigo,Begoña,Ángel,Lucía,Sofía,Iñaki,María del Carmen,Joaquín,Belén,Núria,Andrés',
    'Muñoz,García Márquez,Ibáñez,Peña,de la Cruz,Ordóñez,Núñez y Domínguez,Güell,Zúñiga,Yáñez,López,Vázquez',
  ),
  pool(
    'pl',
    4,
    'Łukasz,Małgorzata,Zbigniew,Żaneta,Świętosława,Grzegorz,Agnieszka,Michał,Joanna,Paweł',
    'Wójcik,Dąbrowska,Brzęczyszczykiewicz,Kowalski,Źrebiec,Żółkiewska,Łęcki,Szczęsny,Nowak,Pawłowska',
  ),
  pool(
    'sv',
    4,
    'Åsa,Björn,Märta,Göran,Søren,Øystein,Þóra,Guðrún,Ægir,Linnéa,Håkan,Bjørg',
    'Ångström,Öberg,Sjöström,Bjørnson,Kjærgaard,Jónsdóttir,Sigurðsson,Nygård,Ødegaard,Lindqvist,Ström,Æbelø',
  ),
  pool(
    'tr',
    3,
    'İpek,Işıl,Çağla,Gökhan,Şükrü,Ayşe,Ümit,Ömer,Doğan,Zeynep',
    'Yılmaz,Çelik,Şahin,Öztürk,Güneş,Işık,İnönü,Doğan,Kılıç,Aydın',
  ),
  pool(
    'cs',
    3,
    'Jiří,Zdeňka,Ľubomír,Přemysl,Šárka,Řehoř,Anežka,Štěpán,Oľga,Matúš',
    'Dvořák,Černý,Nováková,Šťastný,Říha,Kučerová,Žižka,Hruška,Kováčová,Ďurica',
  ),
  pool(
    'uk',
    4,
    'Олена=Olena,Тарас=Taras,Софія=Sofiia,Андрій=Andrii,Їлона=Ilona,Наталія=Nataliia,Ярослав=Yaroslav,Ганна=Hanna,Микола=Mykola,Юлія=Yuliia',
    "Шевченко=Shevchenko,Лисенко=Lysenko,Д'яченко=Diachenko,Коваль=Koval,Бойко=Boiko,Ткаченко=Tkachenko,Щербак=Shcherbak,Нечуй-Левицький=Nechui-Levytskyi,Франко=Franko,Гнатюк=Hnatiuk",
  ),
  pool(
    'el',
    3,
    'Γιώργος=Giorgos,Ελένη=Eleni,Νίκος=Nikos,Αθηνά=Athina,Ευάγγελος=Evangelos,Ζωή=Zoi,Οδυσσέας=Odysseas,Χρυσούλα=Chrysoula',
    'Παπαδόπουλος=Papadopoulos,Αγγελοπούλου=Angelopoulou,Νικολαΐδης=Nikolaidis,Οικονόμου=Oikonomou,Καζαντζάκης=Kazantzakis,Σεφέρη=Seferi,Βλάχος=Vlachos,Ξενάκης=Xenakis',
  ),
  pool(
    'ar',
    4,
    'محمد=Mohammed,فاطمة=Fatima,أحمد=Ahmed,ليلى=Layla,يوسف=Yusuf,زينب=Zainab,عمر=Omar,نور=Nour,خالد=Khalid,مريم=Maryam',
    'الحسن=al-Hassan,عبد الله=Abdullah,بن سعيد=bin-Said,المصري=al-Masri,الخطيب=al-Khatib,حداد=Haddad,منصور=Mansour,الزهراني=al-Zahrani,صالح=Saleh,نجار=Najjar',
  ),
  pool(
    'he',
    2,
    'נועה=Noa,יעקב=Yaakov,תמר=Tamar,אורי=Uri,מיכל=Michal',
    'כהן=Cohen,לוי=Levi,בן-דוד=Ben-David,פרץ=Peretz,אזולאי=Azoulay',
  ),
  pool(
    'zh',
    6,
    '伟=Wei,秀英=Xiuying,明=Ming,小红=Xiaohong,志强=Zhiqiang,丽华=Lihua,建国=Jianguo,雪梅=Xuemei,子涵=Zihan,浩然=Haoran',
    '王=Wang,李=Li,张=Zhang,欧阳=Ouyang,陈=Chen,司马=Sima,黄=Huang,林=Lin,赵=Zhao,吴=Wu',
    true,
  ),
  pool(
    'ja',
    5,
    'さくら=Sakura,健太=Kenta,陽子=Yoko,大輔=Daisuke,美咲=Misaki,ユウキ=Yuki,翔=Sho,直美=Naomi',
    '佐藤=Sato,鈴木=Suzuki,髙橋=Takahashi,渡邊=Watanabe,𠮷田=Yoshida,小林=Kobayashi,齋藤=Saito,山本=Yamamoto',
    true,
  ),
  pool(
    'ko',
    4,
    '민준=Minjun,서연=Seoyeon,지우=Jiwoo,하은=Haeun,도윤=Doyun,수빈=Subin',
    '김=Kim,이=Lee,박=Park,최=Choi,남궁=Namgung,정=Jung',
    true,
  ),
  pool(
    'vi',
    4,
    'Đức,Thị Hồng,Văn Hùng,Ngọc Ánh,Quốc Bảo,Thùy Dương,Hữu Phước,Kim Ngân',
    'Nguyễn,Trần,Lê,Phạm,Huỳnh,Đặng,Vũ,Tôn Nữ',
    true,
  ),
  pool(
    'hi',
    5,
    'अमित=Amit,प्रिया=Priya,Lakshmi,Arjun,राज=Raj,Ananya,Venkata,सीता=Sita',
    'शर्मा=Sharma,Iyer,Ramakrishnan,गुप्ता=Gupta,Patel,Venkataraghavan,सिंह=Singh,Das',
  ),
  pool(
    'th',
    2,
    'สมชาย=Somchai,มาลี=Malee,กิตติ=Kitti,พรทิพย์=Porntip',
    'ศรีสุข=Srisuk,แก้วมณี=Kaewmanee,วงศ์สวัสดิ์=Wongsawat,ทองดี=Thongdee',
  ),
];

/** Those who have one name only. */
export const mononyms: readonly PersonName[] = 'Sukarno,Suharto,Mitski,Ólafía,Chandra,Thulasi,Budi,Ayu,Ramesh,Tenzin'
  .split(',')
  .map(nameOf);

export interface Office {
  readonly city: string;
  /** null where the country has none. */
  readonly state: string | null;
  readonly country: string;
  readonly company: string;
  readonly phone: string;
}

const office = (city: string, state: string | null, country: string, company: string, phone: string): Office => ({
  city,
  state,
  country,
  company,
  phone,
});

/** `#` in a phone stands for a digit: people write them as they like. */
export const offices: readonly Office[] = [
  office('Seattle', 'WA', 'US', 'Contoso Ltd.', '+1 425 555 01##'),
  office('New York', 'NY', 'US', 'Contoso Ltd.', '(212) 555-01## x###'),
  office('Winston-Salem', 'North Carolina', 'US', 'Contoso Ltd.', '336.555.01##'),
  office('Montréal', 'Québec', 'CA', 'Contoso Canada Inc.', '514-555-01##'),
  office('London', 'England', 'UK', 'Contoso UK plc', '020 7946 0###'),
  office('München', 'Bayern', 'DE', 'Contoso Deutschland GmbH & Co. KG', '+49 (0)89 / 555 ## ##-#'),
  office('Zürich', 'ZH', 'CH', 'Contoso (Schweiz) AG', '+41445550###'),
  office('Paris', 'Île-de-France', 'FR', 'Contoso France S.A.S.', '01 99 00 ## ##'),
  office("L'Hospitalet de Llobregat", 'Catalunya', 'ES', 'Contoso Ibérica, S.L.', '+34 930 55 ## ##'),
  office('Łódź', 'województwo łódzkie', 'PL', 'Contoso Polska sp. z o.o.', '+48 42 555 ## ##'),
  office('İstanbul', null, 'TR', 'Contoso Türkiye A.Ş.', '+90 212 555 ## ##'),
  office('Αθήνα', 'Αττική', 'GR', 'Contoso Hellas', '+30 210 555 ####'),
  office('Київ', null, 'UA', 'ТОВ «Контосо»', '+380 (44) 555-##-##'),
  office('القاهرة', 'محافظة القاهرة', 'EG', 'Contoso Egypt', '٠٢ ٥٥٥٥ ٠٠##'),
  office('तमिलनाडु', 'Tamil Nadu', 'IN', 'Contoso India Pvt Ltd', '+91-44-5550-####'),
  office('上海', null, 'CN', '康托索（上海）有限公司', '021-5550####'),
  office('東京', '東京都', 'JP', 'コントソ株式会社', '03-5555-####'),
  office('Thành phố Hồ Chí Minh', null, 'VN', 'Contoso Việt Nam', '+84 28 5555 ####'),
  office('Singapore', null, 'SG', 'Contoso Pte Ltd', '6555 ####'),
  office('Ciudad de México', 'CDMX', 'MX', 'Contoso México S.A. de C.V.', '55 5550 ####;ext=#'),
];

export const departments: Readonly<Record<string, readonly string[]>> = {
  Engineering: ['Software Engineer', 'Senior Software Engineer', 'Ingénieure logiciel', 'Test Engineer', 'Architect'],
  Sales: ['Account Executive', 'Sales Manager', 'Responsable des ventes', 'Key Account Manager (DACH)'],
  'Human Resources': ['Recruiter', 'HR Business Partner', 'Personalreferent:in'],
  Finance: ['Accountant', 'Controller', 'CFO', 'Accounts Payable Specialist'],
  'Facilities & Workplace': ['Workplace Manager', 'Floor Planner', 'Receptionist', 'Hausmeister'],
  'Research and Development': ['Research Scientist', 'Principal Researcher', 'PhD Student', 'R&D Lead'],
  Legal: ['Counsel', 'Paralegal', 'Data Protection Officer'],
  Marketing: ['Brand Manager', 'Content Strategist', 'Art Director', 'マーケティング担当'],
  'Customer Support': ['Support Engineer', 'Team Lead, Tier 2', 'Support Agent'],
  'IT Operations': ['Systems Administrator', 'Network Engineer', 'CISO', 'Help Desk "Tier 1"'],
};
